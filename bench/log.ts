/*
 * How fast the event logs take messages: appends a second and their latency with 1 to 500 in flight, and the time from an
 * append to its delivery. Both logs on this machine, in a temporary folder, NATS as a process of its own.
 *
 *     node scripts/launch.cjs bench/log.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import type { EventLog } from "../platform/log/event-log.ts";
import { openFileLog } from "../platform/log/file-log.ts";
import { openJetStreamLog } from "../platform/log/jetstream-log.ts";
import { startNats } from "../scripts/servers/start.ts";

const MESSAGE = Buffer.alloc(400, "x");
const IN_FLIGHT = [1, 10, 50, 500];
const RUN_MS = 1000;
const DELIVERIES = 500;

function percentiles(times: number[]): string {
	times.sort((a, b) => a - b);
	const at = (fraction: number) => (times[Math.floor(times.length * fraction)] ?? 0).toFixed(2).padStart(7);
	return `p50 ${at(0.5)} ms   p99 ${at(0.99)} ms`;
}

async function benchAppends(log: EventLog, inFlight: number): Promise<void> {
	const times: number[] = [];
	const begun = performance.now();
	const append = async (_: unknown, index: number) => {
		while (performance.now() < begun + RUN_MS) {
			const sent = performance.now();
			await log.append(index % log.partitions, MESSAGE);
			times.push(performance.now() - sent);
		}
	};
	await Promise.all(Array.from({ length: inFlight }, append));
	const rate = Math.round((times.length * 1000) / (performance.now() - begun));
	console.log(`  ${`${inFlight} in flight`.padEnd(15)} ${`${rate}`.padStart(7)} appends/s   ${percentiles(times)}`);
}

async function benchDelivery(log: EventLog): Promise<void> {
	const abort = new AbortController();
	const end = (await log.ends())[0]?.position ?? 0;
	const reading = log.read(0, end, { signal: abort.signal })[Symbol.asyncIterator]();
	const times: number[] = [];
	for (let i = 0; i < DELIVERIES; i++) {
		const next = reading.next();
		const sent = performance.now();
		const appending = log.append(0, MESSAGE);
		await next;
		// The first one waits for the reader to be set up.
		if (i > 0) times.push(performance.now() - sent);
		await appending;
	}
	abort.abort();
	await reading.next();
	console.log(`  ${"to delivery".padEnd(15)} ${"".padStart(17)}   ${percentiles(times)}`);
}

async function bench(name: string, log: EventLog): Promise<void> {
	console.log(
		`${name}, ${log.partitions} partition${log.partitions === 1 ? "" : "s"}, ${MESSAGE.length} bytes a message`,
	);
	try {
		for (const inFlight of IN_FLIGHT) await benchAppends(log, inFlight);
		await benchDelivery(log);
	} finally {
		await log.close();
	}
}

const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-"));
try {
	await bench("files", await openFileLog({ dir: path.join(dir, "log"), partitions: 1 }));
	const nats = await startNats({ dir: path.join(dir, "nats") });
	try {
		await bench("NATS JetStream", await openJetStreamLog({ servers: nats.url, partitions: 4 }));
	} finally {
		await nats.stop();
	}
} finally {
	await rm(dir, { recursive: true, force: true });
}
