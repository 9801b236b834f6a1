/*
 * What a redirect costs beyond HTTP: redirects a second of a process of gateway and codes, each scan logged durably, by
 * those of a bare Node HTTP server that answers the same 302 to the same requests, measured in turns in one run on the
 * same cores; beside it the whole product, counting while it is measured. Then the latency at half of that load.
 *
 *     node scripts/launch.cjs bench/redirect.ts [--rounds 3] [--seconds 5] [--connections 64] [--with jetstream]
 *         [--patience MS] [--profile FOLDER]
 */
import { parseArgs } from "node:util";
import { figuresOf, median, ms, rate } from "./load/figures.ts";
import { type LoadResult, load } from "./load/generator.ts";
import { KEY, makeCodes, type Subject, type SubjectName, startSubject } from "./load/subjects.ts";

const CODES = 200;
const WARM_UP_MS = 1_000;
/** Hundreds of new connections find caches and a young heap that know a closed loop of few. */
const STEADY_AFTER_MS = 5_000;
/** Connections over which requests come at a steady rate. */
const PHONES = 512;

const { values: given } = parseArgs({
	options: {
		rounds: { type: "string", default: "3" },
		seconds: { type: "string", default: "5" },
		connections: { type: "string", default: "64" },
		with: { type: "string", multiple: true, default: [] },
		only: { type: "string" },
		profile: { type: "string" },
	},
});

// Every phone comes from an address of its own, as it does through a proxy, and under the usual rate limits.
const env = { TRUST_PROXY: "1" };
const names: SubjectName[] = given.only
	? ["bare", given.only as SubjectName]
	: ["bare", "gateway", "whole", ...(given.with as SubjectName[])];
const subjects: Subject[] = [];
const runs = new Map<string, LoadResult[]>();

async function measure(subject: Subject, slugs: readonly string[], atRate?: number): Promise<LoadResult> {
	const forMs = 1_000 * Number(given.seconds);
	// Phones do not wait for each other's connections: with a few, one slow answer would hold up all that are due after it.
	const connections = atRate === undefined ? Number(given.connections) : PHONES;
	const asked = { kind: "redirects", slugs, key: KEY, batch: 1 } as const;
	const { url, pid } = subject;
	const warmUpMs = atRate === undefined ? WARM_UP_MS : STEADY_AFTER_MS;
	const result = await load({ ...asked, url, pid, connections, rate: atRate, warmUpMs, forMs });
	await subject.counted();
	return result;
}

try {
	let slugs: string[] = [];
	for (const name of names) {
		const subject = await startSubject(name, { env, profile: given.profile });
		subjects.push(subject);
		if (name !== "bare") slugs = await makeCodes(subject.url, CODES);
	}
	for (let round = 0; round < Number(given.rounds); round++) {
		for (const subject of subjects) {
			const result = await measure(subject, slugs);
			runs.set(subject.name, [...(runs.get(subject.name) ?? []), result]);
		}
	}
	for (const [name, own] of runs) console.log(figuresOf(name, own, runs.get("bare") as LoadResult[]));
	for (const subject of subjects) {
		const half = median((runs.get(subject.name) as LoadResult[]).map(({ perSecond }) => perSecond)) / 2;
		const { latency } = await measure(subject, slugs, half);
		const figures = `p50 ${ms(latency.p50)}, p99 ${ms(latency.p99)}, p99.9 ${ms(latency.p999)}`;
		console.log(`${subject.name.padEnd(10)} at ${rate(half)} evenly spaced: ${figures}`);
	}
} finally {
	for (const subject of subjects) await subject.stop();
}
