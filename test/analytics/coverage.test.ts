/** An answer says what part of its range its source still holds: roll-ups live for 400 days, raw scans for their retention. */

import type { ServiceSchema } from "moleculer";
import { expect, test } from "vitest";
import analytics from "../../services/analytics/analytics.service.ts";
import { runActor } from "../harness/actor.ts";

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
