/*
 * How fast MongoDB takes scans: batches of 1,000 and 2,000 over 200 codes and 4 partitions, every dimension set, two
 * thirds of the scans with a visitor, a fifth with the client's own id. A replica set of one in a temporary folder.
 *
 *     node scripts/launch.cjs bench/store-mongo.ts
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type AcceptedScan, BUCKET_DIMENSIONS } from "../contracts/scan.ts";
import { openMongoStore } from "../platform/store/mongo-store.ts";
import type { IngestPart, ScanStore } from "../platform/store/scan-store.ts";
import { startMongo } from "../scripts/servers/start.ts";

const PARTITIONS = 4;
const CODES = 200;
const BATCHES = 30;
const WARM_UP = 5;

function scanOf(n: number, partition: number): AcceptedScan {
	const code = `code-${partition + PARTITIONS * (n % (CODES / PARTITIONS))}`;
	const values = BUCKET_DIMENSIONS.map((dimension, index) => [dimension, `${dimension}-${(n * (index + 3)) % 7}`]);
	return {
		id: crypto.randomUUID(),
		...(n % 5 === 0 && { ownId: true as const }),
		organisation: "bench",
		code,
		slug: code,
		at: Date.now(),
		bot: n % 10 === 0,
		...(n % 3 !== 0 && { visitor: `visitor-${n % 5_000}` }),
		...(Object.fromEntries(values) as object),
		device: "mobile",
		source: "qr",
	};
}

async function bench(store: ScanStore, size: number): Promise<void> {
	const states = await Promise.all(Array.from({ length: PARTITIONS }, (_, n) => store.claim(n, `bench-${size}`)));
	const positions = states.map(({ position }) => position);
	let n = 0;
	const batch = (): IngestPart[] =>
		states.map(({ partition, claim }) => {
			const from = positions[partition] as number;
			const position = from + 1;
			const scans = Array.from({ length: size / PARTITIONS }, () => scanOf(n++, partition));
			const totals = { bench: (position * size) / PARTITIONS };
			const producer = `bench-${size}`;
			const message = { producer, number: position, acceptedAt: Date.now(), totals, scans };
			return { partition, claim, log: "bench", from, messages: [{ kind: "scans", position, message }] };
		});
	const times: number[] = [];
	for (let round = 0; round < WARM_UP + BATCHES; round++) {
		const parts = batch();
		const begun = performance.now();
		for (const { partition, to } of await store.ingest(parts)) positions[partition] = to;
		if (round >= WARM_UP) times.push(performance.now() - begun);
	}
	times.sort((a, b) => a - b);
	const total = times.reduce((sum, time) => sum + time, 0);
	const rate = Math.round((BATCHES * size * 1_000) / total);
	const at = (fraction: number) => (times[Math.floor(times.length * fraction)] ?? 0).toFixed(0);
	console.log(`${size} scans a batch   ${rate} scans/s   p50 ${at(0.5)} ms   p95 ${at(0.95)} ms`);
}

const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-"));
const server = await startMongo({ dir });
try {
	const store = await openMongoStore({ url: server.url });
	try {
		for (const size of [1_000, 2_000]) await bench(store, size);
	} finally {
		await store.close();
	}
} finally {
	await server.stop();
	await rm(dir, { recursive: true, force: true });
}
