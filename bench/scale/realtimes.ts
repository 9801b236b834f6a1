/*
 * Updates delivered a second by 1 and 2 realtime nodes, each held to the same part of a core and with as many connections,
 * all on the organisation's channel. Commits are announced as often as a channel can be updated (every 50 ms), to more
 * connections than a held node can tell in that time: what it delivers then is what it can. At full speed first: what a
 * delivery costs a node that is not too busy.
 */
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { ServiceBroker } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { broadcast } from "../../platform/actors.ts";
import { readConfig } from "../../platform/config.ts";
import { Truth } from "../../test/realtime/truth.ts";
import { memory } from "../load/processor-time.ts";
import { type Arrangement, arrange, type Measured, stopwatch } from "./arrangement.ts";
import type { LiveClientsOptions, LiveClientsSaid } from "./live-clients.worker.ts";
import type { Row } from "./rows.ts";

const COMMIT_EVERY_MS = 50;
const WARM_UP_MS = 3_000;
const SETTLE_MS = 1_500;

export interface RealtimesOptions {
	/** Of a core, from 0 to 1. */
	readonly part: number;
	/** Of each node. */
	readonly connections: number;
	readonly forMs: number;
	readonly rounds: number;
}

export async function measureRealtimes(options: RealtimesOptions): Promise<Row[]> {
	const arrangement = await arrange();
	const announcing = announce(arrangement);
	try {
		await announcing.started;
		const rows: Row[] = [];
		for (let round = 0; round < options.rounds; round++) {
			for (const count of round % 2 === 0 ? [1, 2] : [2, 1]) rows.push(...(await deliver(arrangement, count, options)));
		}
		return rows;
	} finally {
		await announcing.stop();
		await arrangement.close();
	}
}

/** Plays the owner of a partition that commits all the time, and what reads its state. */
function announce({ env }: Arrangement): { readonly started: Promise<void>; stop(): Promise<void> } {
	const truth = new Truth(1);
	const broker = new ServiceBroker(brokerOptions(readConfig({ ...env, LOG_LEVEL: "error", NODE_ID: "announcer" })));
	broker.createService({ name: "analytics", actions: { state: () => truth.state() } });
	const commits = setInterval(
		() => broadcast(broker, "scans.committed", truth.commit(0, [{ code: "poster", scans: 1 }])),
		COMMIT_EVERY_MS,
	);
	return {
		started: broker.start(),
		async stop() {
			clearInterval(commits);
			await broker.stop();
		},
	};
}

async function deliver(arrangement: Arrangement, count: number, options: RealtimesOptions): Promise<Row[]> {
	const nodes = await arrangement.measured("realtime", count);
	const workerData: LiveClientsOptions = { urls: nodes.map(({ url }) => url), connections: options.connections };
	const [empty = Number.NaN] = nodes.map(({ pid }) => memory(pid));
	const clients = new Worker(new URL("./live-clients.worker.ts", import.meta.url), { workerData });
	try {
		await once(clients, "message");
		await delay(WARM_UP_MS);
		const rows: Row[] = [];
		if (count === 1) {
			const row = await delivered(arrangement, clients, nodes, 1, options);
			const kib = (memory((nodes[0] as Measured).pid) - empty) / 1_024 / options.connections;
			rows.push({ ...row, notes: { ...row.notes, "KiB a connection": kib } });
		}
		for (const node of nodes) node.hold(options.part);
		await delay(SETTLE_MS);
		rows.push(await delivered(arrangement, clients, nodes, options.part, options));
		return rows;
	} finally {
		clients.postMessage("stop");
		await once(clients, "exit");
		for (const node of nodes) await node.stop();
	}
}

async function delivered(
	{ nats, mongo }: Arrangement,
	clients: Worker,
	nodes: readonly Measured[],
	part: number,
	{ forMs, connections }: RealtimesOptions,
): Promise<Row> {
	const state = async () => {
		clients.postMessage("count");
		const [said] = (await once(clients, "message")) as [Extract<LiveClientsSaid, { updates: number }>];
		return said;
	};
	const read = stopwatch([process.pid, nats.pid, mongo.pid, ...nodes.map(({ pid }) => pid)]);
	const before = await state();
	await delay(forMs);
	const after = await state();
	const { ms, used } = read();
	const updates = after.updates - before.updates;
	const perSecond = (1_000 * updates) / ms;
	const us = (times: readonly number[]) => (1_000 * times.reduce((sum, time) => sum + time, 0)) / updates;
	return {
		what: part < 1 ? "realtime: updates" : "realtime: updates, the whole core",
		...{ processes: nodes.length, part, perSecond, unit: "updates" },
		costUs: { realtime: us(used.slice(3)), clients: us(used.slice(0, 1)) },
		otherCore: used.slice(0, 3).reduce((sum, time) => sum + time, 0) / ms,
		notes: {
			connections: nodes.length * connections,
			"updates/s a connection": perSecond / (nodes.length * connections),
			"sent away": after.gone,
		},
	};
}
