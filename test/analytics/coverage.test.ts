/** An answer says what part of its range its source still holds: roll-ups live for 400 days, raw scans for their retention. */

import type { ServiceSchema } from "moleculer";
import { expect, test } from "vitest";
import type { AnalyticsQuery } from "../../contracts/analytics.ts";
import { monthEnd, monthOf } from "../../platform/store/utc-month.ts";
import analytics from "../../services/analytics/analytics.service.ts";
import { runActor } from "../harness/actor.ts";
import { Producer, part, scan } from "../store/scans.ts";

const DAY_MS = 86_400_000;

test.each([
	["roll-ups", [], "rollups", 400],
	["raw scans", [{ dimension: "country" as const, values: ["DE"] }], "raw", 30],
] as const)("an answer from %s covers as much as they hold", async (_, filters, source, days) => {
	const actor = await runActor((platform) => analytics(platform) as ServiceSchema, { env: { RETENTION_DAYS: "30" } });
	const query = { from: "2020-01-01", tz: "UTC", filters };
	const { answer } = await actor.call("analytics.summary", { organisation: "acme", query });
	expect(answer.coverage).toMatchObject({ to: answer.to, source });
	expect((Date.parse(answer.asOf) - Date.parse(answer.coverage.from)) / DAY_MS).toBeCloseTo(days, 3);
});

test("raw scans that went under a shorter retention are not said to be held under a longer one", async () => {
	const actor = await runActor((platform) => analytics(platform) as ServiceSchema, { env: { RETENTION_DAYS: "365" } });
	const store = await actor.platform.store();
	const { claim } = await store.claim(0, "test");
	const at = Date.now() - 100 * DAY_MS;
	await store.ingest([part([new Producer("one").message([scan({ at })])], { claim })]);
	const gone = monthOf(at);
	const lease = { name: "cron", holder: "test", fence: 1 };
	await store.markMonth(gone, "closing", lease);
	await store.dropMonth(gone, lease);
	const country = { dimension: "country" as const, values: ["DE"] };
	const query = { from: "2020-01-01", tz: "UTC", compare: "previous" as const };
	const read = async (filters: AnalyticsQuery["filters"]) =>
		(await actor.call("analytics.summary", { organisation: "acme", query: { ...query, filters } })).answer;
	expect((await read([country])).coverage.from).toBe(new Date(monthEnd(gone)).toISOString());
	expect(Date.parse((await read([])).coverage.from)).toBeLessThan(at);
});

test.each(["hour", "day", "month"] as const)(
	"an export by %s says what the series says of its coverage",
	async (interval) => {
		const actor = await runActor((platform) => analytics(platform) as ServiceSchema, { env: { RETENTION_DAYS: "30" } });
		const query = { from: "2020-01-01", tz: "UTC" };
		const kind = { what: "timeseries" as const, interval };
		const { frame } = await actor.call("analytics.export", { organisation: "acme", query, kind });
		expect((Date.now() - Date.parse(frame?.coverage.from ?? "")) / DAY_MS).toBeCloseTo(400, 2);
	},
);
