/** What would read too much is refused with what to narrow; what a dashboard asks is not. */

import type { ServiceSchema } from "moleculer";
import { beforeAll, expect, test } from "vitest";
import type { AnalyticsQuery } from "../../contracts/analytics.ts";
import { codeOf, dataOf } from "../../contracts/errors.ts";
import analytics from "../../services/analytics/analytics.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";
import { Producer, part, scan } from "../store/scans.ts";

const DAY_MS = 86_400_000;
const CODES = Array.from({ length: 20 }, (_, n) => `code-${n}`);
const BUSY = "busy";
const BUSY_HOUR = Date.now() - (Date.now() % DAY_MS) - 300 * DAY_MS;
const busyHour = { from: new Date(BUSY_HOUR).toISOString(), to: new Date(BUSY_HOUR + 3_600_000).toISOString() };
/** Analytics asks the others for zones and codes. */
const OTHERS: readonly ServiceSchema[] = [
	{ name: "accounts", actions: { organisation: () => ({ id: "acme", name: "Acme", timeZone: "Europe/Berlin" }) } },
	{
		name: "codes",
		actions: {
			route: ({ params: { reference } }: { params: { reference: string } }) => ({ id: reference }),
			names: () => ({}),
			destinationEdits: () => ({ annotations: [] }),
		},
	},
];

let actor: RunningActor;
const ago = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString();
const country = [{ dimension: "country" as const, values: ["DE"] }];

beforeAll(async () => {
	const few = { mostScans: 100, mostQuarters: 150 };
	actor = await runActor((platform) => analytics(platform, few) as ServiceSchema, { beside: OTHERS });
	const store = await actor.platform.store();
	const { claim } = await store.claim(0, "test");
	const scans = Array.from({ length: 200 }, (_, n) =>
		scan({
			code: CODES[n % CODES.length] as string,
			country: n % 2 ? "DE" : "FR",
			at: Date.now() - (n + 0.5) * DAY_MS,
			bot: n % 4 === 0,
		}),
	);
	// One busy hour of another year.
	const busy = Array.from({ length: 120 }, (_, n) => scan({ code: BUSY, country: "DE", at: BUSY_HOUR + n * 30_000 }));
	const crowd = Array.from({ length: 120 }, (_, n) =>
		scan({ organisation: "crowd", code: n < 90 ? "door" : "wall", at: Date.now() - n * 1_000 }),
	);
	await store.ingest([part([new Producer("one").message([...scans, ...busy, ...crowd])], { claim })]);
});

const summary = (query: AnalyticsQuery) => actor.call("analytics.summary", { organisation: "acme", query });
const breakdown = (query: AnalyticsQuery) =>
	actor.call("analytics.breakdown", { organisation: "acme", query, by: "city", limit: 10 });
const heatmap = (query: AnalyticsQuery) => actor.call("analytics.heatmap", { organisation: "acme", query });
const series = (query: AnalyticsQuery, interval: "hour" | "day") =>
	actor.call("analytics.timeseries", { organisation: "acme", query, interval });
const live = (codes?: readonly string[]) => actor.call("analytics.live", { organisation: "crowd", query: { codes } });
const minutes = (codes?: readonly string[]) =>
	actor.call("analytics.minutes", { organisation: "crowd", query: { codes } });
const exported = (query: AnalyticsQuery) =>
	actor.call("analytics.export", { organisation: "acme", query, kind: { what: "breakdown", by: "city", limit: 10 } });

test.each([
	["a summary under a filter", "from", () => summary({ from: ago(150), filters: country })],
	["a summary of one busy hour under a filter", "from", () => summary({ ...busyHour, filters: country })],
	["a breakdown under a filter", "from", () => breakdown({ from: ago(150), filters: country })],
	["a series under a filter", "from", () => series({ from: ago(150), filters: country }, "day")],
	["the export of a breakdown under a filter", "from", () => exported({ from: ago(150), filters: country })],
	["the live half hour of many scans", "code", () => live()],
	["the minutes of many scans that no cache counts", "code", () => minutes()],
	["hours of many codes", "interval", () => series({ from: ago(180), codes: CODES }, "hour")],
	["days of many codes in another zone", "tz", () => series({ from: ago(180), codes: CODES, tz: "Asia/Tokyo" }, "day")],
	[
		"hours of the week of many codes in another zone",
		"tz",
		() => heatmap({ from: ago(180), codes: CODES, tz: "Asia/Tokyo" }),
	],
])("%s that reads too much is refused, naming what to narrow", async (_, path, ask) => {
	const error = await ask().then(
		() => undefined,
		(refusal: unknown) => refusal,
	);
	expect(codeOf(error)).toBe("too_broad");
	const [field] = dataOf(error).errors ?? [];
	expect(field).toMatchObject({ path, message: expect.stringMatching(/ more than \d+: expected /) });
});

test("a filter over fewer scans, and whatever is read from closed days, is answered", async () => {
	const counts = (await summary({ from: ago(90), filters: country })).answer;
	expect(counts.scans + counts.bots).toBe(45);
	const { topCodes } = (await live(["wall"])).answer;
	expect(topCodes).toEqual([{ value: "wall", scans: 30 }]);
	const sum = (await minutes(["wall"])).answer.minutes.reduce((all, { scans }) => all + scans, 0);
	expect(sum).toBe(30);
	expect((await summary(busyHour)).answer.scans).toBe(120);
	const quarter = { ...busyHour, to: new Date(BUSY_HOUR + 900_000).toISOString(), filters: country };
	expect((await summary(quarter)).answer.scans).toBe(30);
	const year = { from: ago(250) };
	const { answer } = await summary({ ...year, codes: CODES, compare: "previous" });
	expect(answer.scans + answer.bots).toBe(200);
	await Promise.all([
		breakdown(year),
		heatmap(year),
		heatmap({ ...year, tz: "Asia/Tokyo" }),
		heatmap({ ...year, codes: CODES }),
		series(year, "hour"),
		series({ ...year, codes: CODES }, "day"),
		series({ from: ago(100), codes: CODES, tz: "Asia/Tokyo" }, "day"),
	]);
});
