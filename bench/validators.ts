/**
 * What validators cost where it counts: the same kind of scans, counted in turns by one store and one mongod without any
 * validator, and with each a hundred times. One is too cheap to be seen beside what else a machine does; a hundredth of a
 * hundred is not. `node scripts/launch.cjs bench/validators.ts [--rounds N]` (Linux).
 */

import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { MongoClient } from "mongodb";
import type { AcceptedScan } from "../contracts/scan.ts";
import { openMongoStore } from "../platform/store/mongo-store.ts";
import type { IngestPart, ScanStore } from "../platform/store/scan-store.ts";
import { startMongo } from "../scripts/servers/start.ts";

const SCANS_PER_MESSAGE = 50;
const MESSAGES_PER_COMMIT = 40;
const COMMITS_PER_ROUND = 5;
const SCANS_PER_ROUND = SCANS_PER_MESSAGE * MESSAGES_PER_COMMIT * COMMITS_PER_ROUND;
/** What Linux counts processor time in, ms. */
const TICK_MS = 10;
const TIMES = 100;

const { values: options } = parseArgs({ options: { rounds: { type: "string", default: "8" } } });

interface Side {
	readonly store: ScanStore;
	readonly claim: number;
	position: number;
	accepted: number;
	/** mongod's processor time of each round, ms. */
	readonly processor: number[];
}

/** What the machine did beside is in a few rounds, not in the one in the middle. */
const median = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const skewed = (values: number) => Math.floor(values * Math.random() ** 3);
let made = 0;

function randomScan(): AcceptedScan {
	const code = `code-${Math.floor(Math.random() * 200)}`;
	return {
		...{ id: `${Date.now().toString(16)}-${made++}`, organisation: "bench", code, slug: code, at: Date.now() },
		...{ source: "qr", device: "mobile", bot: Math.random() < 0.02, visitor: `visitor-${skewed(50_000)}` },
		...{ os: `os-${skewed(5)}`, browser: `browser-${skewed(8)}`, country: `country-${skewed(40)}` },
		...{ region: `region-${skewed(100)}`, city: `city-${skewed(300)}`, language: `language-${skewed(15)}` },
		...{ placement: `placement-${skewed(6)}`, ...(Math.random() < 0.2 && { ownId: true }) },
	};
}

function nextPart(side: Side): IngestPart {
	const from = side.position;
	const messages = Array.from({ length: MESSAGES_PER_COMMIT }, () => {
		const scans = Array.from({ length: SCANS_PER_MESSAGE }, randomScan);
		side.accepted += scans.length;
		const number = ++side.position;
		const totals = { bench: side.accepted };
		return {
			kind: "scans" as const,
			position: number,
			message: { producer: "bench", number, acceptedAt: Date.now(), totals, scans },
		};
	});
	return { partition: 0, claim: side.claim, log: "bench", from, messages };
}

const folder = await mkdtemp(join(tmpdir(), "scanpulse-bench-"));
const server = await startMongo({ dir: folder });
const client = new MongoClient(server.url);

async function processorMs(): Promise<number> {
	const fields = (await readFile(`/proc/${server.pid}/stat`, "utf8")).split(") ")[1]?.split(" ") ?? [];
	return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** A store of its own, with every validator so many times. */
async function open(times: number): Promise<Side> {
	const db = client.db(`times_${times}`);
	const store = await openMongoStore({ client, database: db.databaseName });
	const { claim } = await store.claim(0, "bench");
	for (const info of await db.listCollections({}, { nameOnly: false }).toArray()) {
		const { name, options: made } = info as { name: string; options?: { validator?: object } };
		const validator = times === 0 ? {} : { $and: Array.from({ length: times }, () => made?.validator ?? {}) };
		await db.command({ collMod: name, validator });
	}
	return { store, claim, position: 0, accepted: 0, processor: [] };
}

async function round(side: Side): Promise<void> {
	const parts = Array.from({ length: COMMITS_PER_ROUND }, () => nextPart(side));
	const before = await processorMs();
	for (const part of parts) await side.store.ingest([part]);
	side.processor.push((await processorMs()) - before);
}

try {
	const [without, many] = [await open(0), await open(TIMES)];
	const sides = [without, many];
	for (const side of sides) {
		await round(side);
		side.processor.pop();
	}
	for (let n = 0; n < Number(options.rounds); n++)
		for (const side of n % 2 ? sides : sides.toReversed()) await round(side);
	const [least, most] = sides.map(({ processor }) => (1_000 * median(processor)) / SCANS_PER_ROUND) as [number, number];
	const each = (most - least) / TIMES;
	console.log(`${least.toFixed(1)} µs of mongod's processor time a scan without validators`);
	console.log(`${each.toFixed(2)} µs more with them, ${((100 * each) / least).toFixed(1)} %`);
	for (const { store } of sides) await store.close();
} finally {
	await client.close();
	await server.stop();
	await rm(folder, { recursive: true });
}
