/*
 * What is struck: the stack with its members, or the one process of the embedded product. Both come back by themselves,
 * and say when one of their processes ended that nobody had struck.
 */
import path from "node:path";
import { describeVariables } from "../../platform/config.ts";
import { freePort } from "../servers/ports.ts";
import { startProcess } from "../servers/process.ts";
import { until } from "../servers/until.ts";
import { createMember, type Serving } from "../stack/member.ts";
import { startStack } from "../stack/start.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const COMES_UP_WITHIN_MS = 60_000;
const DRAIN_LIMIT_MS = 15_000;
/** However often the embedded product is killed, it is started again so soon, ms. */
const BACK_AFTER_MS = 200;

export interface TargetOptions {
	readonly dir: string;
	readonly key: string;
	readonly embedded: boolean;
	/** Told what happens to which member. */
	report(member: string, what: string): void;
}

export interface Target {
	readonly url: string;
	readonly realtimeUrl: string;
	/** Where MongoDB is, when there is one. */
	readonly mongoUrl: string | undefined;
	/** Every member that may be struck. */
	readonly members: readonly string[];
	/** The process of a member, undefined while none serves. */
	pid(member: string): number | undefined;
	/** Sends a signal to the member's process; resolves when what dies of it is dead. */
	signal(member: string, signal: NodeJS.Signals): Promise<void>;
	/** Resolves when the member serves. */
	serves(member: string): Promise<void>;
	/** Ends everything orderly. */
	close(): Promise<void>;
}

/** Starts what is to be struck; resolves when all of it serves. */
export function startTarget(options: TargetOptions): Promise<Target> {
	return options.embedded ? startEmbedded(options) : startMembers(options);
}

async function startMembers({ dir, key, report }: TargetOptions): Promise<Target> {
	const stack = await startStack({ dir, port: 0, report, env: { SCANPULSE_ADMIN_KEY: key, RATE_LIMITS: "off" } });
	return {
		url: stack.url,
		realtimeUrl: stack.env.REALTIME_URL,
		mongoUrl: stack.env.MONGO_URL,
		members: stack.names,
		pid: (member) => stack.pid(member),
		signal: (member, signal) => stack.kill(member, signal),
		serves: (member) => stack.serves(member),
		close: () => stack.close(),
	};
}

async function startEmbedded({ dir, key, report }: TargetOptions): Promise<Target> {
	const name = "scanpulse";
	const port = await freePort();
	const env = { ...process.env };
	for (const variable of describeVariables()) delete env[variable.name];
	delete env.SCANPULSE_LAUNCHED;
	Object.assign(env, {
		...{ PORT: String(port), METRICS_PORT: "0", DATA_DIR: path.join(dir, "data"), NODE_ENV: "production" },
		...{ SCANPULSE_ADMIN_KEY: key, RATE_LIMITS: "off", LOG_FORMAT: "json" },
	});
	const launch = async (aborted: AbortSignal): Promise<Serving> => {
		const owned = startProcess({
			command: process.execPath,
			args: [path.join(ROOT, "main.ts")],
			cwd: ROOT,
			env,
			logFile: path.join(dir, `${name}.log`),
		});
		const ready = Promise.withResolvers<void>();
		owned.onLine((line) => line.startsWith("ready ") && ready.resolve());
		aborted.addEventListener("abort", () => ready.resolve(), { once: true });
		await Promise.race([ready.promise, owned.exited]);
		const stop = () => owned.stop(DRAIN_LIMIT_MS);
		if (aborted.aborted) await stop();
		const exit = owned.exit();
		if (exit) throw new Error(`it ended before it was ready (${JSON.stringify(exit)}):\n${owned.output()}`);
		return { ...owned, pid: owned.pid, stop };
	};
	const member = createMember({
		...{ name, launch, restarts: true, longestDelayMs: BACK_AFTER_MS },
		report: (what) => report(name, what),
	});
	await member.start();
	const url = `http://localhost:${port}`;
	return {
		...{ url, realtimeUrl: url, mongoUrl: undefined, members: [name] },
		pid: () => member.serving()?.pid,
		signal: (_, signal) => member.kill(signal),
		serves: async () => {
			await until(() => member.serving(), { what: `${name} to serve`, timeoutMs: COMES_UP_WITHIN_MS });
		},
		close: () => member.stop(),
	};
}
