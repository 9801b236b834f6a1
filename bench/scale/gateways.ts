/* Durable requests a second of 1 and 2 gateways on JetStream, each held to the same part of a core and asked as fast as it answers. */
import { type LoadResult, load } from "../load/generator.ts";
import type { RequestKind } from "../load/requests.ts";
import { KEY, makeCodes } from "../load/subjects.ts";
import { arrange, type Measured, stopwatch } from "./arrangement.ts";
import type { Row } from "./rows.ts";

const CODES = 200;
/** Of each gateway. */
const CONNECTIONS = 32;
const WARM_UP_MS = 2_000;
const KINDS = ["scans", "redirects"] as const;

export interface GatewayOptions {
	/** Of a core, from 0 to 1. */
	readonly part: number;
	/** How long each figure is measured, ms. */
	readonly forMs: number;
	readonly rounds: number;
}

/** A row for each kind of request, round and number of processes; first one gateway with the whole core. */
export async function measureGateways({ part, forMs, rounds }: GatewayOptions): Promise<Row[]> {
	const arrangement = await arrange({ TRUST_PROXY: "1" });
	const gateways: Measured[] = [];
	try {
		const { nats } = arrangement;
		const maker = await arrangement.beside("gateway,codes,accounts,cache");
		const slugs = await makeCodes(maker.url, CODES);
		gateways.push(...(await arrangement.measured("gateway", 2)));
		const run = async (kind: RequestKind, count: number, held: number): Promise<Row> => {
			const asked = gateways.slice(0, count);
			let others: ReturnType<ReturnType<typeof stopwatch>> | undefined;
			const watch = async () => {
				await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
				const read = stopwatch([process.pid, nats.pid, arrangement.mongo.pid, maker.pid]);
				await new Promise((resolve) => setTimeout(resolve, forMs));
				others = read();
			};
			const options = { kind, slugs, key: KEY, batch: 1, connections: CONNECTIONS, warmUpMs: WARM_UP_MS, forMs };
			const [results] = await Promise.all([
				Promise.all(asked.map(({ url, pid }) => load({ ...options, url, pid }))),
				watch(),
			]);
			return rowOf(kind, count, held, results, others);
		};
		// Compiled code before either is held: the one that is asked first would seem slow.
		for (const kind of KINDS) await run(kind, 2, 1);
		const rows: Row[] = [];
		for (const kind of KINDS) rows.push(await run(kind, 1, 1));
		for (const gateway of gateways) gateway.hold(part);
		for (let round = 0; round < rounds; round++) {
			for (const kind of KINDS) {
				for (const count of round % 2 === 0 ? [1, 2] : [2, 1]) rows.push(await run(kind, count, part));
			}
		}
		return rows;
	} finally {
		for (const gateway of gateways) await gateway.stop();
		await arrangement.close();
	}
}

function rowOf(
	kind: RequestKind,
	count: number,
	part: number,
	results: readonly LoadResult[],
	others: { readonly ms: number; readonly used: readonly number[] } | undefined,
): Row {
	const perSecond = results.reduce((sum, result) => sum + result.perSecond, 0);
	const answers = results.reduce((sum, result) => sum + result.answers, 0);
	const cost =
		results.reduce((sum, result) => sum + (result.cost?.process ?? Number.NaN) * result.answers, 0) / answers;
	const { ms = 1, used = [] } = others ?? {};
	const [loadMs = 0, natsMs = 0] = used;
	const us = (time: number) => (1_000 * time) / ((perSecond * ms) / 1_000);
	return {
		what: `${kind === "scans" ? "gateway: single POSTs" : "gateway: redirects"}${part < 1 ? "" : ", the whole core"}`,
		...{ processes: count, part, perSecond, unit: "requests" },
		costUs: { gateway: cost, nats: us(natsMs), load: us(loadMs) },
		otherCore: used.reduce((sum, one) => sum + one, 0) / ms,
		notes: { durable: results.reduce((sum, { durable }) => sum + durable, 0) / answers },
	};
}
