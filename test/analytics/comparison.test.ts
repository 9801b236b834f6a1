/** A comparison says what it knows of the period before: what is not held of it any more, and what was not counted yet. */

import { join } from "node:path";
import type { ServiceSchema } from "moleculer";
import { expect, test } from "vitest";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import analytics from "../../services/analytics/analytics.service.ts";
import { Bounds } from "../../services/analytics/bounds.ts";
import { Framing } from "../../services/analytics/framing.ts";
import { Gateways } from "../../services/analytics/freshness.ts";
import { ScreenAnswers } from "../../services/analytics/screen-answers.ts";
import { ScreenReads } from "../../services/analytics/screen-reads.ts";
import { TimeZones } from "../../services/analytics/time-zones.ts";
import { runActor } from "../harness/actor.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { NOON, Producer, part, scan } from "../store/scans.ts";

const DAY_MS = 86_400_000;
const compare = "previous" as const;
const filters = [{ dimension: "country" as const, values: ["DE"] }];

test("what is held no more of the period before is named, and only then", async () => {
	const actor = await runActor((platform) => analytics(platform) as ServiceSchema, { env: { RETENTION_DAYS: "30" } });
	const previous = async (days: number, more: object) => {
		const query = { from: new Date(Date.now() - days * DAY_MS).toISOString(), tz: "UTC", compare, ...more };
		const { answer } = await actor.call("analytics.summary", { organisation: "acme", query });
		expect(answer.coverage.from).toBe(answer.from);
		return answer.previous;
	};
	const partly = await previous(20, { filters });
	expect(partly?.coverage).toMatchObject({ to: partly?.to, source: "raw" });
	expect((Date.now() - Date.parse(partly?.coverage?.from ?? "")) / DAY_MS).toBeCloseTo(30, 3);
	expect(await previous(10, { filters })).not.toHaveProperty("coverage");
	expect(await previous(20, {})).not.toHaveProperty("coverage");
	const rolledUp = await previous(300, {});
	expect(rolledUp?.coverage).toMatchObject({ to: rolledUp?.to, source: "rollups" });
	expect((Date.now() - Date.parse(rolledUp?.coverage?.from ?? "")) / DAY_MS).toBeCloseTo(400, 1);
});

test("an answer is not complete when the period before was read before a late scan of it was counted", async () => {
	const store = await openSqliteStore({ file: join(await temporaryFolder(), "store.db") });
	atEndOfFile(() => store.close());
	const { claim } = await store.claim(0, "test");
	const producer = new Producer("one");
	const ingest = (at: number, from: number) =>
		store.ingest([part([producer.message([scan({ at })])], { claim, from })]);
	await ingest(NOON, 0);
	const gateways = new Gateways({ since: 0, several: false });
	gateways.heard({ node: "a", at: Date.now(), accepted: {}, pending: 0, spooled: 0 }, Date.now());
	const { positions } = await store.counts({ organisation: "acme", from: 0, to: NOON, filters: [], bots: false });
	const applied = positions[0] ?? 0;

	async function summary(ingestedBetween: boolean) {
		const late = Promise.withResolvers<void>();
		const reads = new ScreenReads(async (selection, questions) => {
			if (selection.from >= NOON) await late.promise;
			const answer = await store.answer(selection, questions);
			if (selection.from < NOON) {
				if (ingestedBetween) await ingest(NOON - 1, applied);
				late.resolve();
			}
			return answer;
		});
		// The log holds the late scan already.
		const log = { ends: async () => [{ partition: 0, position: ingestedBetween ? applied + 1 : applied }] };
		const framing = new Framing({ log, gateways, heldScans: { from: async () => 0 } });
		const bounds = new Bounds(() => Promise.reject(new Error("there is no filter")));
		const screens = new ScreenAnswers({ store, reads, framing, bounds, timeZones: new TimeZones() });
		const range = { from: NOON, to: NOON + DAY_MS, tz: "UTC" };
		const selection = { organisation: "acme", from: range.from, to: range.to, filters: [], bots: false };
		return screens.summary({ range, codes: undefined, selection }, { compare });
	}

	expect(await summary(false)).toMatchObject({ scans: 1, previous: { scans: 0 }, complete: true });
	expect(await summary(true)).toMatchObject({ scans: 1, previous: { scans: 0 }, complete: false });
});
