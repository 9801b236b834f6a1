/*
 * The processes that a load is put on, each of its own: the product in several arrangements, and Node's HTTP server by
 * itself, which the product is measured by. With `profile`, each leaves a CPU profile there when it stops.
 */
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { startMongo, startNats } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const HEAP_OF_PROCESS = path.join(import.meta.dirname, "heap-of-process.ts");
const READY_MS = 60_000;
const COUNTED_MS = 120_000;
const STOP_MS = 15_000;
/** The key of every product that is measured. */
export const KEY = "administrator-key-of-the-bench";

export interface Subject {
	readonly name: string;
	readonly url: string;
	readonly pid: number;
	/** Where its files are (`data`), and what its threads say that their heaps hold (`heap`). */
	readonly dir: string;
	/** Resolves when all that was accepted is counted; at once where nobody counts. */
	counted(): Promise<void>;
	/** Ends it and whatever it needed. */
	stop(): Promise<void>;
}

export interface SubjectOptions {
	/** Variables of the product. */
	readonly env?: Readonly<Record<string, string>>;
	/** A folder for CPU profiles. */
	readonly profile?: string | undefined;
	/** Whether its threads say what their heaps hold. */
	readonly heaps?: boolean;
}

export type SubjectName = keyof typeof SUBJECTS;

const SUBJECTS = {
	/** Node's HTTP server, nothing else. */
	bare: (options: SubjectOptions) => launch("bare", "bench/load/bare-server.ts", options),
	/** Gateway, codes, accounts and cache on the embedded log. */
	gateway: (options: SubjectOptions) => launch("gateway", "bench/load/gateway-process.ts", options),
	/** Gateway, codes, accounts and cache on JetStream; NATS and MongoDB are processes beside it. */
	jetstream: startOnJetStream,
	/** The whole product in one process, counting while it is measured. */
	whole: (options: SubjectOptions) => launch("whole", "main.ts", options, true),
} as const;

export function startSubject(name: SubjectName, options: SubjectOptions): Promise<Subject> {
	return SUBJECTS[name](options);
}

async function startOnJetStream({ env, profile }: SubjectOptions): Promise<Subject> {
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-servers-"));
	const [nats, mongo] = await Promise.all([
		startNats({ dir: path.join(dir, "nats") }),
		startMongo({ dir: path.join(dir, "mongo") }),
	]);
	const servers = { NATS_URL: nats.url, MONGO_URL: mongo.url, SERVICES: "gateway,codes,accounts,cache" };
	const subject = await launch("jetstream", "main.ts", { env: { ...env, ...servers }, profile });
	return {
		...subject,
		async stop() {
			await subject.stop();
			await Promise.all([nats.stop(), mongo.stop()]);
			await rm(dir, { recursive: true, force: true });
		},
	};
}

/** A process of the product, or of one of the benches' servers, with files of its own; resolves when it is ready. */
export async function launch(name: string, script: string, options: SubjectOptions, counts = false): Promise<Subject> {
	const dir = await mkdtemp(path.join(tmpdir(), `scanpulse-bench-${name}-`));
	const heapDir = path.join(dir, "heap");
	await mkdir(heapDir);
	const profiling = options.profile ? ["--cpu-prof", `--cpu-prof-dir=${path.resolve(options.profile, name)}`] : [];
	const owned = startProcess({
		command: process.execPath,
		args: [...(options.heaps ? ["--import", HEAP_OF_PROCESS] : []), ...profiling, path.join(ROOT, script)],
		cwd: ROOT,
		env: {
			...{ PATH: process.env.PATH, HOME: process.env.HOME, NODE_ENV: "production", LOG_LEVEL: "warn" },
			...{
				PORT: "0",
				METRICS_PORT: "0",
				SCANPULSE_ADMIN_KEY: KEY,
				DATA_DIR: path.join(dir, "data"),
				HEAP_DIR: heapDir,
			},
			...options.env,
		},
	});
	const url = await ready(owned);
	return {
		name,
		url,
		pid: owned.pid,
		dir,
		counted: () =>
			(counts ? until(() => isCounted(url), { what: "counting", timeoutMs: COUNTED_MS }) : done()).then(done),
		async stop() {
			await owned.stop(STOP_MS);
			if (owned.output().includes('"level":"error"')) console.error(owned.output().slice(-2_000));
			await rm(dir, { recursive: true, force: true });
		},
	};
}

async function done(): Promise<void> {}

async function ready(owned: OwnedProcess): Promise<string> {
	let url: string | undefined;
	owned.onLine((line) => {
		if (line.startsWith("ready ")) url ??= line.slice("ready ".length).trim();
	});
	await until(() => url !== undefined || owned.exit() !== undefined, { what: "a ready line", timeoutMs: READY_MS });
	if (url === undefined) throw new Error(`It ended before it was ready:\n${owned.output()}`);
	return url;
}

async function isCounted(url: string): Promise<boolean> {
	const { inFlight } = await ask<{ inFlight: number }>(url, "GET", "/api/v1/ledger");
	return inFlight === 0;
}

/** Makes codes for a load; their slugs. */
export async function makeCodes(url: string, count: number): Promise<string[]> {
	const slugs: string[] = [];
	for (let n = 0; n < count; n++) {
		const code = await ask<{ slug: string }>(url, "POST", "/api/v1/codes", {
			...{ slug: `bench-${n}`, url: "https://example.com/landing", name: `Bench ${n}` },
		});
		slugs.push(code.slug);
	}
	return slugs;
}

/** Asks the product with the key of all benches. @throws Error when it refuses. */
export async function ask<T>(url: string, method: string, place: string, body?: unknown): Promise<T> {
	const answer = await fetch(new URL(place, url), {
		method,
		headers: { authorization: `Bearer ${KEY}`, ...(body ? { "content-type": "application/json" } : {}) },
		body: body ? JSON.stringify(body) : undefined,
	});
	if (!answer.ok) throw new Error(`${method} ${place} was answered ${answer.status}: ${await answer.text()}`);
	return (await answer.json()) as T;
}
