/*
 * How fast scans that other software posts become durable, and how fast they are counted. First single-scan POSTs a
 * second, durable when answered, by those of a bare Node HTTP server with an empty handler, measured in turns in one run
 * on the same cores. Then scans counted end to end: posted by /batch, from the first one sent to the last one counted.
 *
 *     node scripts/launch.cjs bench/ingest.ts [--rounds 3] [--seconds 5] [--connections 64] [--with jetstream]
 *         [--scans 300000] [--batch 250] [--stack] [--profile FOLDER]
 *
 * From a million scans on it says whether memory stayed flat, and ends with 1 when it did not: after the first tenth, the
 * second half of the scans may take a tenth more than the first. `--scans 0` leaves the counting out.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { startStack } from "../scripts/stack/start.ts";
import { countThrough } from "./load/counting.ts";
import { figuresOf, rate } from "./load/figures.ts";
import { type LoadResult, load } from "./load/generator.ts";
import { KEY, makeCodes, type Subject, type SubjectName, startSubject } from "./load/subjects.ts";

const CODES = 200;
const WARM_UP_MS = 1_000;

const { values: given } = parseArgs({
	options: {
		rounds: { type: "string", default: "3" },
		seconds: { type: "string", default: "5" },
		connections: { type: "string", default: "64" },
		with: { type: "string", multiple: true, default: [] },
		only: { type: "string" },
		scans: { type: "string", default: "300000" },
		batch: { type: "string", default: "250" },
		stack: { type: "boolean", default: false },
		profile: { type: "string" },
	},
});

const env = { RATE_LIMITS: "off" };
const total = Number(given.scans);
const batch = Number(given.batch);

/** Single scans, in turns with the bare server. */
async function measureSingles(): Promise<void> {
	const own = given.only ? [given.only as SubjectName] : ["gateway" as const, "whole" as const];
	const names: SubjectName[] = ["bare", ...own, ...(given.with as SubjectName[])];
	const subjects: Subject[] = [];
	const runs = new Map<string, LoadResult[]>();
	try {
		let slugs: string[] = [];
		for (const name of names) {
			const subject = await startSubject(name, { env, profile: given.profile });
			subjects.push(subject);
			if (name !== "bare") slugs = await makeCodes(subject.url, CODES);
		}
		for (let round = 0; round < Number(given.rounds); round++) {
			for (const { name, url, pid, counted } of subjects) {
				const result = await load({
					...{ kind: "scans", slugs, key: KEY, batch: 1, url, pid, connections: Number(given.connections) },
					...{ warmUpMs: WARM_UP_MS, forMs: 1_000 * Number(given.seconds) },
				});
				runs.set(name, [...(runs.get(name) ?? []), result]);
				await counted();
			}
		}
		for (const [name, own] of runs) console.log(figuresOf(name, own, runs.get("bare") as LoadResult[]));
	} finally {
		for (const subject of subjects) await subject.stop();
	}
}

async function countEmbedded(): Promise<void> {
	const profile = given.profile && path.join(given.profile, "counting");
	const subject = await startSubject("whole", { env, profile, heaps: true });
	try {
		const slugs = await makeCodes(subject.url, CODES);
		const { url, pid, dir } = subject;
		const { perSecond, flat } = await countThrough({ url, pids: [pid], dir, slugs, total, batch });
		console.log(`embedded: ${rate(perSecond)} counted end to end`);
		if (flat === false) process.exitCode = 1;
	} finally {
		await subject.stop();
	}
}

async function countInStack(): Promise<void> {
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-bench-stack-"));
	const stack = await startStack({ dir, env: { ...env, SCANPULSE_ADMIN_KEY: KEY, LOG_LEVEL: "warn" } });
	try {
		const slugs = await makeCodes(stack.url, CODES);
		const pids = stack.names.filter((name) => /^(gateway|scans)-/.test(name)).flatMap((name) => stack.pid(name) ?? []);
		const { perSecond } = await countThrough({ url: stack.url, pids, slugs, total, batch });
		console.log(`stack: ${rate(perSecond)} counted end to end`);
	} finally {
		await stack.close();
		await rm(dir, { recursive: true, force: true });
	}
}

if (Number(given.rounds) > 0) await measureSingles();
if (total > 0) await countEmbedded();
if (total > 0 && given.stack) await countInStack();
