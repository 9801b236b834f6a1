/*
 * What an answer costs the actors that only answer: analytics and cache, codes, accounts, one process each, with the whole
 * core while it is asked as fast as it answers. Nobody is compared: these are far from a core at the loads that the
 * others are sized for, and one that is not is seen by what a piece costs.
 */
import { ServiceBroker } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { call } from "../../platform/actors.ts";
import { readConfig } from "../../platform/config.ts";
import { until } from "../../scripts/servers/until.ts";
import { Pool } from "../load/batch-posts.ts";
import { ask, makeCodes } from "../load/subjects.ts";
import { type Arrangement, arrange, type Measured, stopwatch } from "./arrangement.ts";
import type { Row } from "./rows.ts";

const CODES = 200;
const SCANS = 20_000;
const BATCH = 250;
const COUNTED_MS = 60_000;
/** Questions under way at once. */
const AT_ONCE = 16;
const WARM_UP_MS = 2_000;
const ACTORS = ["analytics", "cache", "codes", "accounts"] as const;

type AnsweringActor = (typeof ACTORS)[number];

export interface AnswersOptions {
	/** How long each figure is measured, ms. */
	readonly forMs: number;
}

interface Scene {
	readonly arrangement: Arrangement;
	readonly processes: ReadonlyMap<AnsweringActor, Measured>;
	readonly forMs: number;
}

interface Question {
	readonly what: string;
	readonly unit: string;
	/** @param n counts up, so that no two need be alike */
	ask(n: number): Promise<unknown>;
}

/** A row for each kind of question. */
export async function measureAnswers({ forMs }: AnswersOptions): Promise<Row[]> {
	const arrangement = await arrange();
	const processes = new Map<AnsweringActor, Measured>();
	const broker = new ServiceBroker(
		brokerOptions(readConfig({ ...arrangement.env, LOG_LEVEL: "error", NODE_ID: "asker" })),
	);
	try {
		for (const actor of ACTORS) processes.set(actor, ...((await arrangement.measured(actor, 1)) as [Measured]));
		const { url } = await arrangement.beside("gateway,scans");
		const slugs = await makeCodes(url, CODES);
		await new Pool({ url, slugs, batch: BATCH, total: SCANS }).finished;
		const counted = async () => (await ask<{ inFlight: number }>(url, "GET", "/api/v1/ledger")).inFlight === 0;
		await until(counted, { what: "all to be counted", timeoutMs: COUNTED_MS });
		const { organisation, token } = await credentials(url);
		await broker.start();
		await broker.waitForServices([...ACTORS]);
		const rows: Row[] = [];
		for (const question of questions(broker, { organisation, token, slugs })) {
			rows.push(await answered({ arrangement, processes, forMs }, question));
		}
		return rows;
	} finally {
		await broker.stop();
		for (const one of processes.values()) await one.stop();
		await arrangement.close();
	}
}

/** A key of the organisation, as clients have one. */
async function credentials(url: string): Promise<{ organisation: string; token: string }> {
	const { organisation } = await ask<{ organisation: { id: string } }>(url, "GET", "/api/v1/me");
	const body = { name: "bench", scopes: ["analytics:read"] };
	const { secret } = await ask<{ secret: string }>(url, "POST", "/api/v1/keys", body);
	return { organisation: organisation.id, token: secret };
}

function questions(
	broker: ServiceBroker,
	{ organisation, token, slugs }: { organisation: string; token: string; slugs: readonly string[] },
): Question[] {
	return [
		{
			// Read from the store each time: what a screen is given when it opens a channel.
			...{ what: "analytics: the state of an organisation", unit: "answers" },
			ask: () => call(broker, "analytics.state", { organisation }),
		},
		{
			...{ what: "analytics: a summary that the cache has", unit: "answers" },
			ask: () => call(broker, "analytics.summary", { organisation, query: {} }),
		},
		{
			...{ what: "codes: a slug looked up", unit: "answers" },
			ask: (n) => call(broker, "codes.resolve", { slug: slugs[n % slugs.length] as string }),
		},
		{
			...{ what: "accounts: a key proved", unit: "answers" },
			ask: () => call(broker, "accounts.authenticate", { token }),
		},
	];
}

async function answered({ arrangement, processes, forMs }: Scene, { what, unit, ask }: Question): Promise<Row> {
	let answers = 0;
	let asked = 0;
	let going = true;
	const lane = async () => {
		while (going) {
			await ask(asked++);
			answers++;
		}
	};
	const lanes = Promise.all(Array.from({ length: AT_ONCE }, lane));
	const pause = (ms: number) => Promise.race([lanes, new Promise((resolve) => setTimeout(resolve, ms))]);
	await pause(WARM_UP_MS);
	const { nats, mongo } = arrangement;
	const own = ACTORS.map((actor) => processes.get(actor)?.pid as number);
	const read = stopwatch([process.pid, nats.pid, mongo.pid, ...own]);
	const before = answers;
	await pause(forMs);
	const { ms, used } = read();
	const count = answers - before;
	going = false;
	await lanes;
	const names = ["asker", "nats", "mongod", ...ACTORS];
	const costs = names.map((name, index) => [name, (1_000 * (used[index] ?? 0)) / count] as const);
	return {
		...{ what, processes: 1, part: 1, perSecond: (1_000 * count) / ms, unit },
		// Who has nothing to do with a question still has its heartbeats.
		costUs: Object.fromEntries(costs.filter(([, us]) => us >= 1)),
		otherCore: used.slice(0, 3).reduce((sum, time) => sum + time, 0) / ms,
		notes: { "at once": AT_ONCE },
	};
}
