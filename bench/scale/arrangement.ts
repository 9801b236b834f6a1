/*
 * Where everything runs while 1 and 2 processes of an actor are compared: what is measured on core 0, each process held to
 * the same part of it; the load, NATS, MongoDB and the other actors on core 1. What core 1 has left is watched, so that a
 * figure which it decided is seen to be that.
 *
 * Core 0 never idles: something useless takes what nobody else wants of it, and the core's caches with it. Without, one
 * process would be dearer than two, because a virtual core that sleeps between times is slow to wake; or cheaper, because it
 * would find the caches as it left them. On cores of their own neither is the case.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { freePort } from "../../scripts/servers/ports.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { type RunningServer, startMongo, startNats } from "../../scripts/servers/start.ts";
import { processorTime } from "../load/processor-time.ts";
import { launch, type Subject } from "../load/subjects.ts";
import { leaveTheRest, limit, pin, type Share, unpin } from "./share.ts";

const MEASURED_CORE = 0;
const OTHER_CORE = 1;
/** Walks through more memory than a core's own caches hold. */
const WALK = "const all = new Uint8Array(1 << 23); for (;;) for (let n = 0; n < all.length; n += 64) all[n]++;";

export interface Arrangement {
	readonly nats: RunningServer;
	readonly mongo: RunningServer;
	/** Variables with which a process joins. */
	readonly env: Readonly<Record<string, string>>;
	/** Starts a process of these actors on the core of everything else. */
	beside(services: string): Promise<Subject>;
	/** Starts so many processes of an actor on the measured core, not held yet. */
	measured(services: string, count: number): Promise<Measured[]>;
	close(): Promise<void>;
}

export interface Measured extends Subject {
	/** Holds it to a part of the core from now on: when its code is compiled, so that its start and first second are not. */
	hold(part: number): void;
	/** Where it tells its figures. */
	readonly metricsUrl: string;
}

/** @param more variables for every process */
export async function arrange(more: Readonly<Record<string, string>> = {}): Promise<Arrangement> {
	pin(process.pid, OTHER_CORE);
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-scale-"));
	const ends: (() => Promise<unknown>)[] = [
		async () => unpin(process.pid, cpus().length),
		() => rm(dir, { recursive: true, force: true }),
	];
	const close = async () => {
		for (const end of ends.splice(0).reverse()) await end();
	};
	try {
		const nats = await startNats({ dir: path.join(dir, "nats") });
		ends.push(() => nats.stop());
		const mongo = await startMongo({ dir: path.join(dir, "mongo") });
		ends.push(() => mongo.stop());
		ends.push(keepAwake());
		const env = { ...more, NATS_URL: nats.url, MONGO_URL: mongo.url, RATE_LIMITS: "off" };
		return {
			...{ nats, mongo, env, close },
			async beside(services) {
				const subject = await launch(services, "main.ts", { env: { ...env, SERVICES: services } });
				ends.push(() => subject.stop());
				return subject;
			},
			measured: (services, count) => Promise.all(Array.from({ length: count }, () => startMeasured(services, env))),
		};
	} catch (error) {
		await close();
		throw error;
	}
}

/** @returns what ends it */
function keepAwake(): () => Promise<unknown> {
	const spinning = startProcess({ command: process.execPath, args: ["--eval", WALK] });
	pin(spinning.pid, MEASURED_CORE);
	const share = leaveTheRest(spinning.pid);
	return async () => {
		await spinning.kill();
		share.end();
	};
}

async function startMeasured(services: string, env: Readonly<Record<string, string>>): Promise<Measured> {
	const metricsPort = await freePort();
	const own = { ...env, SERVICES: services, METRICS_PORT: String(metricsPort) };
	const subject = await launch(services, "main.ts", { env: own });
	pin(subject.pid, MEASURED_CORE);
	let share: Share | undefined;
	return {
		...subject,
		hold(part) {
			share?.end();
			share = part < 1 ? limit(subject.pid, part) : undefined;
		},
		metricsUrl: `http://127.0.0.1:${metricsPort}/metrics`,
		async stop() {
			share?.end();
			await subject.stop();
		},
	};
}

/** A sum of a metric's series without labels that tell them apart, such as `scanpulse_commit_seconds_count`. */
export async function metric({ metricsUrl }: Measured, name: string): Promise<number> {
	const text = await (await fetch(metricsUrl)).text();
	const values = text.split("\n").filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
	return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
}

/** Processor time that processes used since, ms each; and the clock's, ms. */
export function stopwatch(pids: readonly number[]): () => { readonly ms: number; readonly used: number[] } {
	const read = () => pids.map((pid) => processorTime(pid)?.process ?? Number.NaN);
	const begin = performance.now();
	const before = read();
	return () => {
		const after = read();
		return { ms: performance.now() - begin, used: after.map((used, index) => used - (before[index] as number)) };
	};
}
