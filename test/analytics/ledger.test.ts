/**
 * The books are kept independently of what is stored: gateways say what they made durable, and what never reaches the
 * store is missed, whether another message follows it or not.
 */

import { join } from "node:path";
import type { ServiceSchema } from "moleculer";
import { expect, test } from "vitest";
import type { Ledger } from "../../contracts/analytics.ts";
import type { GatewayReport } from "../../contracts/events.ts";
import type { EventLog, LogMessage } from "../../platform/log/event-log.ts";
import { openSpool } from "../../platform/log/spool.ts";
import analytics from "../../services/analytics/analytics.service.ts";
import { balance } from "../../services/analytics/ledger.ts";
import { RunningTotals } from "../../services/analytics/running-totals.ts";
import { Ingest } from "../../services/gateway/ingest.ts";
import scans from "../../services/scans/scans.service.ts";
import { runActor } from "../harness/actor.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { NOON, scan } from "../store/scans.ts";

const HOUR = 3_600_000;
const logger = { info: () => undefined, warn: () => undefined };

/** Reading leaves these messages out, by their number in the order of reading, from 1. */
function losing(log: EventLog, lost: readonly number[]): EventLog {
	let read = 0;
	const keep = (messages: readonly LogMessage[]) => messages.filter(() => !lost.includes(++read));
	return {
		get id() {
			return log.id;
		},
		partitions: log.partitions,
		append: (partition, data) => log.append(partition, data),
		async *read(partition, after, options) {
			for await (const messages of log.read(partition, after, options)) yield keep(messages);
		},
		at: (partition, position) => log.at(partition, position),
		ends: () => log.ends(),
		trim: (upTo) => log.trim(upTo),
		close: () => log.close(),
	};
}

/** A gateway's way in, the real log and store, and the actors that count and answer; counting begins with `count`. */
async function pipeline(lost: readonly number[]) {
	const actor = await runActor((platform) => analytics(platform) as ServiceSchema);
	const log = await actor.platform.log();
	const spool = await openSpool({ dir: join(await temporaryFolder(), "spool"), partitions: log.partitions });
	const ingest = new Ingest({ log, spool, logger });
	atEndOfFile(() => ingest.close(1_000));
	return {
		/** Each scan in a message of its own. */
		async accept(count: number): Promise<void> {
			for (let n = 0; n < count; n++) await ingest.accept([scan({ at: Date.now() })]);
			await actor.tell("gateway.report", ingest.report("home"));
		},
		count: () => actor.broker.createService(scans({ ...actor.platform, log: async () => losing(log, lost) })),
		ledger: (): Promise<Ledger> => actor.call("analytics.ledger", { organisation: "acme" }),
	};
}

test("what is accepted is in flight until it is stored", async () => {
	const { accept, count, ledger } = await pipeline([]);
	await accept(3);
	expect(await ledger()).toMatchObject({ accepted: 3, stored: 0, inFlight: 3, missing: 0, balanced: true });
	count();
	const stored = await until(async () => (await ledger()).stored === 3 && ledger(), { what: "the scans" });
	expect(stored).toMatchObject({ accepted: 3, stored: 3, inFlight: 0, missing: 0, balanced: true });
});

test("a message lost between the log and the store is missing, and the books do not balance", async () => {
	const { accept, count, ledger } = await pipeline([2]);
	await accept(3);
	count();
	const books = await until(async () => (await ledger()).stored === 2 && ledger(), { what: "the other scans" });
	expect(books).toMatchObject({ accepted: 3, stored: 2, inFlight: 0, missing: 1, balanced: false });
});

test("the last message of all is missed as well, though nothing follows it that could tell", async () => {
	const { accept, count, ledger } = await pipeline([3, 4]);
	await accept(3);
	count();
	await until(async () => (await ledger()).stored === 2, { what: "the first scans" });
	// The position stands before the lost message: it might yet be read.
	expect(await ledger()).toMatchObject({ accepted: 3, stored: 2, inFlight: 1, missing: 0 });
	await accept(2);
	const books = await until(async () => (await ledger()).stored === 3 && ledger(), { what: "the last scan" });
	expect(books).toMatchObject({ accepted: 5, stored: 3, inFlight: 0, missing: 2, balanced: false });
});

const report = (differences: Partial<GatewayReport> = {}): GatewayReport => ({
	...{ node: "home", at: NOON, accepted: {}, pending: 0, spooled: 0 },
	...differences,
});
const NOTHING = { accepted: 0, stored: 0, duplicate: 0, dropped: {}, missing: 0 };

test("a log that lost its end makes scans missing that nothing else can tell", () => {
	const totals = new RunningTotals();
	totals.heard(report({ producers: { p: { acme: 7, other: 9 } } }), NOON);
	const books = { sums: { ...NOTHING, accepted: 4, stored: 4 }, applied: { p: 4 } };
	const reported = { totals: totals.of("acme"), spooledBesides: 0, logApplied: true };
	expect(balance(books, reported, {}, NOON)).toMatchObject({ accepted: 7, missing: 3, inFlight: 0, balanced: false });
	expect(balance(books, { ...reported, logApplied: false }, {}, NOON)).toMatchObject({ inFlight: 3, balanced: true });
});

test("scans in a spool are in flight, also when their gateway was killed, until it was brought home", () => {
	const totals = new RunningTotals();
	const producers = { p: { acme: 5 } };
	totals.heard(report({ producers, spooled: 3 }), NOON);
	const books = { sums: { ...NOTHING, accepted: 2, stored: 2 }, applied: { p: 2 } };
	const ledger = () => balance(books, { totals: totals.of("acme"), spooledBesides: 0, logApplied: true }, {}, NOON);
	expect(ledger()).toMatchObject({ accepted: 5, inFlight: 3, missing: 0, balanced: true });
	totals.heard(report({ leaving: true }), NOON + 1_000);
	expect(ledger()).toMatchObject({ accepted: 5, inFlight: 0, missing: 3, balanced: false });
});

test("a spool of which no producer is known is in flight as a whole", () => {
	const totals = new RunningTotals();
	totals.heard(report({ node: "of before", spooled: 12 }), NOON);
	totals.heard(report({ producers: { p: { acme: 5 } }, spooled: 3 }), NOON);
	expect(totals.spooledByUnknown).toBe(12);
});

test("what is in flight belongs to the hour in which it was accepted", () => {
	const totals = new RunningTotals();
	totals.heard(report({ producers: { p: { acme: 5 } } }), NOON);
	totals.heard(report({ producers: { p: { acme: 9 } }, at: NOON + HOUR }), NOON + HOUR);
	totals.heard(report({ producers: { p: { acme: 8 } }, at: NOON + 2 * HOUR }), NOON + 2 * HOUR);
	const books = { sums: NOTHING, applied: { p: 3 } };
	const reported = { totals: totals.of("acme"), spooledBesides: 0, logApplied: false };
	const inFlight = (from: number, to: number) => balance(books, reported, { from, to }, NOON).inFlight;
	expect([inFlight(NOON, NOON + HOUR), inFlight(NOON + HOUR, NOON + 2 * HOUR)]).toEqual([2, 4]);
	expect(inFlight(NOON + 2 * HOUR, NOON + 3 * HOUR)).toBe(0);
});
