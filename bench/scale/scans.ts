/*
 * Scans counted a second by 1 and 2 processes of the scans actor, each held to the same part of a core, from a backlog in
 * JetStream that is posted beforehand; what a scan costs them, MongoDB, and a realtime node that only hears of it. Then one
 * process at full speed, and a thin load, whose small transactions say what a transaction costs by itself.
 */
import { setTimeout as delay } from "node:timers/promises";
import { connect } from "nats";
import { until } from "../../scripts/servers/until.ts";
import { Pool } from "../load/batch-posts.ts";
import { scanSteadily } from "../load/steady-scans.ts";
import { ask, makeCodes, type Subject } from "../load/subjects.ts";
import { mongoBytes } from "../year/bytes.ts";
import { type Arrangement, arrange, type Measured, metric, stopwatch } from "./arrangement.ts";
import type { Row } from "./rows.ts";

const CODES = 200;
const BATCH = 250;
/** How long processes count at full speed before they are held: their code is compiled, and each has its partitions. */
const WARM_UP_MS = 3_000;
/** After that, until what was under way is through. */
const SETTLE_MS = 1_500;
const THIN_PER_SECOND = 100;
const HELD_TIMES_LONGER = 2;
const COMMITTED_MS = 10_000;
/** Of a backlog that is emptied, so long nothing may be counted. */
const STALLED_MS = 30_000;
/** A backlog of single requests, and how long it is counted after a warm-up, ms. */
const SINGLES = 90_000;
const SINGLES_FOR_MS = 1_500;
const STREAM = "SCANS";
/** Processes on the core of everything else. */
const OTHERS = 5;

export interface ScansOptions {
	/** Of a core, from 0 to 1. */
	readonly part: number;
	/** How long each figure is measured, ms. */
	readonly forMs: number;
	/** Scans in the backlog. */
	readonly backlog: number;
	readonly rounds: number;
}

interface Scene {
	readonly arrangement: Arrangement;
	/** Every other actor. */
	readonly rest: Subject;
	/** A realtime node without connections. */
	readonly listener: Subject;
	readonly forMs: number;
}

/** @throws Error when the backlog was counted before the time was over: then it says nothing. */
export async function measureScans({ part, forMs, backlog, rounds }: ScansOptions): Promise<Row[]> {
	const arrangement = await arrange();
	try {
		const rest = await arrangement.beside("gateway,codes,accounts,cache,analytics");
		const listener = await arrangement.beside("realtime");
		const slugs = await makeCodes(rest.url, CODES);
		const scene = { arrangement, rest, listener, forMs };
		const rows: Row[] = [];
		for (let round = 0; round < rounds; round++) {
			await new Pool({ url: rest.url, slugs, batch: BATCH, total: backlog }).finished;
			for (const count of round % 2 === 0 ? [1, 2] : [2, 1]) {
				rows.push(await withScans(scene, count, (all) => counted(scene, "scans: backlog", all, part)));
			}
			if (round === 0)
				rows.push(await withScans(scene, 1, (all) => counted(scene, "scans: backlog, the whole core", all, 1)));
		}
		rows.push(...(await fromSingles(scene, slugs)));
		await tellBytes(scene);
		return rows;
	} finally {
		await arrangement.close();
	}
}

/**
 * From messages as single requests make them, with few scans each: what a message costs. Then, by the same process, whose
 * code is compiled by now, scans as they come, a few at a time: what a transaction costs.
 */
async function fromSingles(scene: Scene, slugs: readonly string[]): Promise<Row[]> {
	await withScans(scene, 1, () => emptied(scene));
	const { url } = scene.rest;
	const { connection, state } = await openStream(scene.arrangement.nats.url);
	const before = await state();
	await new Pool({ url, slugs, batch: 1, total: SINGLES }).finished;
	const after = await state();
	await connection.close();
	const notes = {
		"scans a message": SINGLES / (after.last_seq - before.last_seq),
		"bytes a scan in the log": (after.bytes - before.bytes) / SINGLES,
	};
	return withScans(scene, 1, async (all) => {
		const short = { ...scene, forMs: SINGLES_FOR_MS };
		const row = await counted(short, "scans: backlog of single requests, the whole core", all, 1);
		await emptied(scene);
		const idle = await idleUse(scene, all);
		const load = scanSteadily({ url, slugs, perSecond: THIN_PER_SECOND });
		const thin = await counted(scene, "scans: thin load, the whole core", all, 1, idle);
		await load.stop();
		return [{ ...row, notes: { ...row.notes, ...notes } }, thin];
	});
}

/** What a scan of many takes in MongoDB: all of one day and of few codes, so that many share their quarter hours. */
async function tellBytes({ arrangement, rest }: Scene): Promise<void> {
	const { stored } = await ledgerOf(rest);
	const bytes = [...(await mongoBytes(arrangement.mongo.url))].map(([name, size]) => [name, size / stored] as const);
	const shown = bytes.filter(([, size]) => size >= 1).sort(([, a], [, b]) => b - a);
	const text = shown.map(([name, size]) => `${name} ${size.toFixed(0)}`).join(", ");
	console.log(`measured  bytes a scan in MongoDB, of ${stored.toLocaleString("en")} scans of ${CODES} codes: ${text}`);
}

async function openStream(servers: string) {
	const connection = await connect({ servers });
	const manager = await connection.jetstreamManager();
	const state = async () => (await manager.streams.info(STREAM)).state;
	return { connection, state };
}

async function withScans<T>(
	scene: Scene,
	count: number,
	measure: (all: readonly Measured[]) => Promise<T>,
): Promise<T> {
	const all = await scene.arrangement.measured("scans", count);
	try {
		await delay(WARM_UP_MS);
		return await measure(all);
	} finally {
		for (const one of all) await one.stop();
	}
}

/** @param idle what each uses without a scan, ms a ms; it is not the scans' */
async function counted(
	scene: Scene,
	what: string,
	all: readonly Measured[],
	part: number,
	idle: readonly number[] = [],
): Promise<Row> {
	const { rest, forMs } = scene;
	for (const one of all) one.hold(part);
	await delay(SETTLE_MS);
	const state = async () => ({
		stored: (await ledgerOf(rest)).stored,
		commits: (await Promise.all(all.map((one) => metric(one, "scanpulse_commit_seconds_count")))).reduce(sum, 0),
		seconds: (await Promise.all(all.map((one) => metric(one, "scanpulse_commit_seconds_sum")))).reduce(sum, 0),
	});
	await committed(rest);
	const read = stopwatch(pidsOf(scene, all));
	const before = await state();
	// A held process takes the better part of a second for a transaction: too few of them in a time as short as the others'.
	await delay(part < 1 ? HELD_TIMES_LONGER * forMs : forMs);
	await committed(rest);
	const after = await state();
	const { ms, used } = read();
	const scans = after.stored - before.stored;
	const commits = after.commits - before.commits;
	const others = used.slice(0, OTHERS);
	const [mongoMs = 0, natsMs = 0, listenerMs = 0, ...own] = used.map((time, index) => time - (idle[index] ?? 0) * ms);
	const us = (time: number) => (1_000 * time) / scans;
	const scansMs = own.slice(-all.length).reduce(sum, 0);
	return {
		...{ what, processes: all.length, part, perSecond: (1_000 * scans) / ms, unit: "scans" },
		costUs: { scans: us(scansMs), mongod: us(mongoMs), nats: us(natsMs), hearing: us(listenerMs) },
		otherCore: others.reduce(sum, 0) / ms,
		notes: { "scans a commit": scans / commits, "ms a commit": (1_000 * (after.seconds - before.seconds)) / commits },
	};
}

/** Who shares the other core, then the measured processes. */
function pidsOf({ arrangement: { mongo, nats }, listener, rest }: Scene, all: readonly Measured[]): number[] {
	return [mongo.pid, nats.pid, listener.pid, rest.pid, process.pid, ...all.map(({ pid }) => pid)];
}

async function idleUse(scene: Scene, all: readonly Measured[]): Promise<number[]> {
	const read = stopwatch(pidsOf(scene, all));
	await delay(scene.forMs);
	const { ms, used } = read();
	return used.map((time) => time / ms);
}

/** Waits for the end of a transaction, so that what is measured begins and ends with one. */
async function committed(rest: Subject): Promise<void> {
	const { stored } = await ledgerOf(rest);
	const what = "another transaction: the backlog may be too small";
	await until(async () => (await ledgerOf(rest)).stored > stored, { what, timeoutMs: COMMITTED_MS });
}

async function emptied({ rest }: Scene): Promise<void> {
	const what = "more of the backlog to be counted";
	for (let left = Number.POSITIVE_INFINITY; left > 0; ) {
		const before = left;
		const less = async () => {
			left = (await ledgerOf(rest)).inFlight;
			return left < before;
		};
		await until(less, { what, timeoutMs: STALLED_MS });
	}
}

function ledgerOf(rest: Subject): Promise<{ readonly stored: number; readonly inFlight: number }> {
	return ask(rest.url, "GET", "/api/v1/ledger");
}

const sum = (a: number, b: number) => a + b;
