/*
 * Starts the clustered product on this machine: real JetStream, Redis and a MongoDB replica set on private ports, then one
 * process an actor. Every member can be killed, stopped and started by name; closing ends them all, actors before servers.
 */
import { mkdirSync } from "node:fs";
import path from "node:path";
import { freePort, isFree } from "../servers/ports.ts";
import { startProcess } from "../servers/process.ts";
import { type RunningServer, type ServerOptions, startMongo, startNats, startRedis } from "../servers/start.ts";
import { until } from "../servers/until.ts";
import { createMember, type Member, type Serving } from "./member.ts";
import { type ProcessPlan, planProcesses, TOPOLOGY } from "./plan.ts";
import { forgetState, identify, runningIn, writeState } from "./state.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const READY_TIMEOUT_MS = 120_000;
const DRAIN_LIMIT_MS = 15_000;
const OUTPUT_SHOWN_CHARACTERS = 4_000;

export interface StackOptions {
	/** Data, logs and state; used again, it finds its data again. */
	readonly dir: string;
	/** Where the gateways listen. @defaultValue a free port */
	readonly port?: number;
	/** More of the product's variables, for every process. */
	readonly env?: Readonly<Record<string, string>>;
	/** Starts a member that dies again. @defaultValue true */
	readonly restarts?: boolean;
	/** Told what happens to which member. @defaultValue nobody */
	readonly report?: (member: string, what: string) => void;
	/** Gives up a start under way, leaving nothing running. */
	readonly aborted?: AbortSignal;
}

export interface Stack {
	readonly url: string;
	/** Printed by the first start on a folder when there is no admin key. */
	signInUrl(): string | undefined;
	/** Variables with which other commands of the product reach this stack. */
	readonly env: Readonly<Record<"NATS_URL" | "REDIS_URL" | "MONGO_URL" | "PUBLIC_URL" | "REALTIME_URL", string>>;
	/** Every member by name: `nats`, `redis`, `mongo`, `gateway-1`, `gateway-2`, `codes-1` … */
	readonly names: readonly string[];
	/** The process id of a member, undefined while it has no process that serves. */
	pid(name: string): number | undefined;
	/** What the member's current process has printed. */
	output(name: string): string;
	/** Sends a signal (SIGKILL unless given); what dies of it is started again. Resolves when it is dead. */
	kill(name: string, signal?: NodeJS.Signals): Promise<void>;
	/** Ends a member orderly; it stays down until `start`. */
	stop(name: string): Promise<void>;
	/** Starts a member that was stopped, and resolves when it serves. */
	start(name: string): Promise<void>;
	/** Resolves when the member serves, as after a kill. */
	serves(name: string): Promise<void>;
	/** Ends every member; resolves when no process is left. */
	close(): Promise<void>;
}

/**
 * Starts everything and resolves when every member serves.
 *
 * @throws Error when a stack runs in `dir` already, or a member does not come up (with what it printed); then nothing is
 * left running.
 */
export async function startStack(options: StackOptions): Promise<Stack> {
	const dir = path.resolve(options.dir);
	const present = runningIn(dir);
	if (present.length > 0) {
		throw new Error(`A stack runs in ${dir} already (pid ${present[0]?.pid}); end it with npm run stack -- --down.`);
	}
	// The gateways share their port with whoever shares it, so a second stack would go unnoticed.
	if (options.port && !(await isFree(options.port))) {
		throw new Error(`Port ${options.port} is taken; choose another with --port, or --port 0 for a free one.`);
	}
	mkdirSync(path.join(dir, "logs"), { recursive: true });
	const members = new Map<string, Member>();
	const launched = new Map<string, number>();
	let signInUrl: string | undefined;
	let state: { url: string; env: Stack["env"] } | undefined;

	const record = (name: string, pid: number) => {
		launched.set(name, pid);
		const identities = [...launched].flatMap(([member, id]) => identify(member, id) ?? []);
		const supervisor = identify("stack", process.pid);
		if (supervisor) {
			writeState(dir, { supervisor, members: identities, url: state?.url ?? "", env: state?.env ?? {} });
		}
	};
	const add = (name: string, launch: (aborted: AbortSignal) => Promise<Serving>) => {
		const report = (what: string) => options.report?.(name, what);
		const member = createMember({ name, launch, restarts: options.restarts ?? true, report });
		members.set(name, member);
		return member;
	};
	const addServer = async (
		name: string,
		start: (options: ServerOptions) => Promise<RunningServer>,
		{ turn }: Pick<ServerOptions, "turn">,
	) => {
		const where = { dir: path.join(dir, "data", name), logFile: path.join(dir, "logs", `${name}.log`) };
		let server: RunningServer | undefined;
		const member = add(name, async () => {
			server = await start({ ...where, port: server?.port, turn });
			record(name, server.pid);
			return server;
		});
		await member.start();
		return (server as RunningServer | undefined)?.url ?? "";
	};
	const addActor = (plan: ProcessPlan) =>
		add(plan.name, (aborted) =>
			launchActor(plan, aborted, {
				started: (pid) => record(plan.name, pid),
				signIn: (url) => {
					signInUrl ??= url;
				},
			}),
		);

	const close = async () => {
		// What takes requests first, so that what it asks of others can still be answered; servers when nobody uses them.
		const waves = [/^(gateway|realtime|cron)-/, /-/, /./];
		for (const wave of waves) {
			await Promise.all([...members.values()].filter(({ name }) => wave.test(name)).map((member) => member.stop()));
		}
		forgetState(dir);
	};

	try {
		const [natsUrl, redisUrl, mongoUrl] = await allOrError([
			addServer("nats", startNats, { turn: "first" }),
			addServer("redis", startRedis, { turn: "second" }),
			addServer("mongo", startMongo, { turn: "second" }),
		]);
		options.aborted?.throwIfAborted();
		const plans = planProcesses({
			...{ dir, port: options.port || (await freePort()), realtimePort: await freePort(), env: options.env },
			...{ natsUrl: natsUrl as string, redisUrl: redisUrl as string, mongoUrl: mongoUrl as string },
		});
		const env = reachedBy((plans[0] as ProcessPlan).env);
		state = { url: env.PUBLIC_URL, env };
		await beforeAbort(Promise.all(plans.map((plan) => addActor(plan).start())), options.aborted);
		return {
			url: env.PUBLIC_URL,
			env,
			signInUrl: () => signInUrl,
			names: [...members.keys()],
			pid: (name) => member(name).serving()?.pid,
			output: (name) => member(name).serving()?.output() ?? "",
			kill: (name, signal) => member(name).kill(signal),
			stop: (name) => member(name).stop(),
			start: (name) => member(name).start(),
			serves: async (name) => {
				await until(() => member(name).serving(), { what: `${name} to serve`, timeoutMs: READY_TIMEOUT_MS });
			},
			close,
		};
	} catch (error) {
		await close();
		throw error;
	}

	function member(name: string): Member {
		const found = members.get(name);
		if (!found) throw new Error(`The stack has no ${name}; it has ${[...members.keys()].join(", ")}.`);
		return found;
	}
}

function reachedBy(env: Readonly<Record<string, string>>): Stack["env"] {
	const value = (name: string) => env[name] as string;
	return {
		NATS_URL: value("NATS_URL"),
		REDIS_URL: value("REDIS_URL"),
		MONGO_URL: value("MONGO_URL"),
		PUBLIC_URL: value("PUBLIC_URL"),
		REALTIME_URL: value("REALTIME_URL"),
	};
}

/** Waits for all to settle, so that nothing is still coming up when the first error is thrown. */
async function allOrError<T>(work: readonly Promise<T>[]): Promise<T[]> {
	await Promise.allSettled(work);
	return Promise.all(work);
}

async function beforeAbort(work: Promise<unknown>, aborted: AbortSignal | undefined): Promise<void> {
	const limit = AbortSignal.timeout(READY_TIMEOUT_MS);
	const given = AbortSignal.any(aborted ? [limit, aborted] : [limit]);
	work.catch(() => undefined);
	await Promise.race([
		work,
		new Promise<never>((_, reject) => {
			given.addEventListener("abort", () =>
				reject(limit.aborted ? new Error(`The stack was not ready within ${READY_TIMEOUT_MS} ms.`) : given.reason),
			);
		}),
	]);
}

interface ActorListener {
	started(pid: number): void;
	signIn(url: string): void;
}

async function launchActor(plan: ProcessPlan, aborted: AbortSignal, listener: ActorListener): Promise<Serving> {
	const shell = { ...process.env };
	for (const name of ["SCANPULSE_LAUNCHED", ...TOPOLOGY]) delete shell[name];
	const owned = startProcess({
		command: process.execPath,
		args: [path.join(ROOT, "main.ts")],
		cwd: ROOT,
		env: { ...shell, ...plan.env },
		logFile: plan.logFile,
		turn: plan.turn,
	});
	listener.started(owned.pid);
	const ready = new Promise<void>((resolve) => {
		owned.onLine((line) => {
			if (line.startsWith("sign-in ")) listener.signIn(line.slice("sign-in ".length).trim());
			if (line.startsWith("ready ")) resolve();
		});
	});
	const stopped = new Promise<void>((resolve) => aborted.addEventListener("abort", () => resolve(), { once: true }));
	await Promise.race([ready, stopped, owned.exited]);
	if (aborted.aborted) {
		await owned.stop(DRAIN_LIMIT_MS);
		throw new Error(`${plan.name} was stopped before it was ready`);
	}
	const exit = owned.exit();
	if (exit) {
		const end = owned.output().slice(-OUTPUT_SHOWN_CHARACTERS);
		throw new Error(`${plan.name} ended before it was ready (${JSON.stringify(exit)}):\n${end}`);
	}
	return { ...owned, pid: owned.pid, stop: () => owned.stop(DRAIN_LIMIT_MS) };
}
