/** Quarter hours are dropped only when something else holds what they count. */

import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { cleanUp } from "../../services/cron/cleanup.ts";
import { aggregateDays } from "../../services/cron/daily-aggregation.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { NOON, scan } from "../store/scans.ts";
import { Feeder } from "../store/suite/feeder.ts";
import { selection } from "../store/suite/with-store.ts";

const DAY = 86_400_000;

test("quarter hours stay until their days are closed, and the days answer when they are gone", async () => {
	const store = await openSqliteStore({ file: join(await temporaryFolder(), "store.db") });
	onTestFinished(() => store.close());
	const feeder = await Feeder.claim(store);
	await feeder.feed([scan({ visitor: "v" }), scan({ at: NOON + DAY, code: "flyer" }), scan({ at: NOON + 100 * DAY })]);

	const timeZoneOf = async () => "Asia/Kathmandu";
	const context = {
		params: {},
		lease: { name: "cron", holder: "here", fence: 1 },
		signal: new AbortController().signal,
	};
	// Two months after the first scan became so old that its quarter hour may go.
	const now = NOON + 460 * DAY;
	const clean = () => cleanUp({ store, retentionDays: 4_000, timeZoneOf, now }, context);
	const whole = selection({ from: NOON - 13 * DAY, to: NOON + 120 * DAY });
	const count = async () => (await store.counts(whole)).value;
	const before = await count();
	expect(before).toEqual({ scans: 3, visitors: 1, bots: 0 });

	expect(await clean()).toMatchObject({
		...{ quarters: 0, quartersBefore: "2026-03-01T00:00:00.000Z", kept: [] },
		unclosed: [{ organisation: "acme", date: "2026-03-14" }],
	});
	await aggregateDays({ store, timeZoneOf }, { ...context, params: { to: "2026-03-15" } });
	expect(await clean()).toMatchObject({ quarters: 0, unclosed: [{ organisation: "acme", date: "2026-03-15" }] });
	await aggregateDays({ store, timeZoneOf }, context);
	// Two codes', and the organisation's own of two.
	expect(await clean()).toMatchObject({ quarters: 4, quartersBefore: "2026-05-01T00:00:00.000Z", unclosed: [] });
	expect(await count()).toEqual(before);
	const again = await aggregateDays({ store, timeZoneOf }, context);
	expect(again).toMatchObject({ days: 0, months: 0 });
	expect(await count()).toEqual(before);
	expect(await store.audit({ organisation: "acme" })).toMatchObject({ clean: true });
});
