/*
 * The product as a user runs it: main.ts in a process of its own, on free ports, with data in a folder of its own, spoken
 * to through its ports and signals only.
 */
import path from "node:path";
import { describeVariables } from "../../platform/config.ts";
import { type Exit, startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";
import { atEndOfFile } from "./cleanup.ts";
import { temporaryFolder } from "./folder.ts";

export { until } from "../../scripts/servers/until.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const READY_TIMEOUT_MS = 60_000;

export interface ProductOptions {
	/** Variables of the product; undefined unsets one of the harness's own. None is taken from the shell that runs the tests. */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** @defaultValue a folder that is removed when the test file ends */
	readonly dataDir?: string;
	/** Arguments of main.ts. */
	readonly args?: readonly string[];
	/** A command with arguments that runs the product in its own place, such as in a namespace. @defaultValue none */
	readonly within?: readonly string[];
}

export interface Product {
	/** The address of the `ready` line, without a trailing slash. */
	readonly url: string;
	/** The single-use address that the first start prints when there is no admin key. */
	readonly signInUrl: string | undefined;
	readonly pid: number;
	readonly dataDir: string;
	/** Standard output and error so far. */
	output(): string;
	/** Sends a signal (SIGKILL unless given) and resolves when the process has ended; at once for SIGSTOP and SIGCONT. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** SIGTERM; resolves with how it ended, SIGKILL after 15 s included. */
	stop(): Promise<Exit>;
	/** Resolves when the process has ended, by itself or not. */
	readonly exited: Promise<Exit>;
}

const DRAIN_LIMIT_MS = 15_000;

/** The environment of the shell without any variable of the product, then the harness's defaults, then `own`. */
function environment(dataDir: string, own: ProductOptions["env"] = {}): NodeJS.ProcessEnv {
	const env = { ...process.env };
	for (const { name } of describeVariables()) delete env[name];
	delete env.SCANPULSE_LAUNCHED;
	return {
		...env,
		PORT: "0",
		METRICS_PORT: "0",
		LOG_FORMAT: "json",
		NODE_ENV: "production",
		DATA_DIR: dataDir,
		...own,
	};
}

/**
 * Runs main.ts to its end, for starts that are refused and for `--help`.
 *
 * @returns how it ended and all that it printed
 */
export async function runProduct(options: ProductOptions = {}): Promise<Exit & { output: string }> {
	const dataDir = options.dataDir ?? (await temporaryFolder());
	const owned = launch(dataDir, options);
	return { ...(await owned.exited), output: owned.output() };
}

/**
 * Starts the product and resolves when it has said that it serves.
 *
 * @throws Error with its output when it ends first, or says nothing for 60 s.
 */
export async function startProduct(options: ProductOptions = {}): Promise<Product> {
	const dataDir = options.dataDir ?? (await temporaryFolder());
	const owned = launch(dataDir, options);
	let url: string | undefined;
	let signInUrl: string | undefined;
	owned.onLine((line) => {
		if (line.startsWith("ready ")) url ??= line.slice("ready ".length).trim().replace(/\/$/, "");
		if (line.startsWith("sign-in ")) signInUrl ??= line.slice("sign-in ".length).trim();
	});
	await until(() => url !== undefined || owned.exit() !== undefined, {
		what: "the product's ready line",
		timeoutMs: READY_TIMEOUT_MS,
	}).catch(async (error: Error) => {
		await owned.kill();
		throw new Error(`${error.message}\n${owned.output()}`);
	});
	if (url === undefined) {
		throw new Error(`The product ended before it was ready (${JSON.stringify(owned.exit())}):\n${owned.output()}`);
	}
	return {
		url,
		signInUrl,
		pid: owned.pid,
		dataDir,
		output: owned.output,
		kill: owned.kill,
		stop: () => owned.stop(DRAIN_LIMIT_MS),
		exited: owned.exited,
	};
}

function launch(dataDir: string, options: ProductOptions) {
	const product = [process.execPath, path.join(ROOT, "main.ts"), ...(options.args ?? [])];
	const [command, ...args] = [...(options.within ?? []), ...product] as [string, ...string[]];
	const owned = startProcess({
		...{ command, args },
		cwd: ROOT,
		env: environment(dataDir, options.env),
	});
	atEndOfFile(() => owned.kill());
	return owned;
}
