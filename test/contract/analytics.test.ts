/*
 * "Analytics": the same few thousand scans asked for in every way, each answer held against the slow count of them.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Breakdown, Summary, TimeSeries } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../harness/product.ts";
import { breakdownOf, type Counted, dice, INTERVALS, type Question, seriesOf, startOf, summaryOf } from "./counting.ts";
import { each, problemOf, type Running, startRunning } from "./running.ts";

const DAY_MS = 86_400_000;
const SUMMARY = "/api/v1/analytics/summary";
const SERIES = "/api/v1/analytics/timeseries";
const BREAKDOWN = "/api/v1/analytics/breakdown";

const ZONES = [
	...["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"],
	...["Africa/Cairo", "America/Santiago", "Pacific/Apia", "Pacific/Chatham"],
];
const AGENTS: readonly [agent: string | undefined, device: string, bot: boolean][] = [
	[undefined, "other", false],
	[
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
		"mobile",
		false,
	],
	["Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "desktop", false],
	["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot", true],
];

let running: Running;
let codes: readonly Code[];
let scans: readonly Counted[];

beforeAll(async () => {
	running = await startRunning();
	codes = await Promise.all(["One", "Two", "Three"].map((name) => running.code({ name })));
	scans = await postMany();
	await running.complete(SUMMARY, {});
});

/** Where clocks change, in zones that do, in the last year: the instants around which counting is hardest. */
function changes(): number[] {
	const now = Temporal.Now.instant();
	return ZONES.flatMap((tz) => {
		const last = now.toZonedDateTimeISO(tz).getTimeZoneTransition("previous");
		const before = last?.getTimeZoneTransition("previous");
		return [last, before].flatMap((change) => (change ? [change.epochMilliseconds] : []));
	}).filter((at) => at > Date.now() - 380 * DAY_MS);
}

async function postMany(): Promise<Counted[]> {
	const random = dice(7);
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
	const turns = changes();
	const now = Date.now() - 60_000;
	const made = Array.from({ length: 4_000 }, () => {
		// Near changes of the clocks, near midnights, in the last days, and anywhere in the year.
		const at = pick([
			() => pick(turns) + Math.floor((random() - 0.5) * 6 * 3_600_000),
			() => Math.floor(now / DAY_MS) * DAY_MS - pick([0, 1, 2, 30, 31]) * DAY_MS - pick([1, 0]),
			() => now - Math.floor(random() * 3 * DAY_MS),
			() => now - Math.floor(random() * 380 * DAY_MS),
		])();
		const code = pick(codes);
		const [userAgent, device, bot] = pick(AGENTS);
		const country = pick([undefined, "DE", "FR", "US"]);
		const language = pick([undefined, "de", "en"]);
		const placement = pick([undefined, "wall", "door", "table-1", "table-2", "table-3"]);
		const source = pick(["api", "qr", "link"]);
		const campaign = pick([undefined, "a", "b.c", "$d", "__proto__"]);
		const visitor = pick([undefined, "v1", "v2", "v3", "v4", "v5"]);
		return {
			at: Math.min(at, now),
			code,
			userAgent,
			device,
			bot,
			country,
			language,
			placement,
			source,
			campaign,
			visitor,
		};
	});
	for (let start = 0; start < made.length; start += 1_000) {
		const { accepted } = await running.admin.post<{ accepted: number }>("/api/v1/scans/batch", {
			scans: made.slice(start, start + 1_000).map(({ at, code, device: _, bot: __, campaign, ...scan }) => ({
				...scan,
				code: code.slug,
				at: new Date(at).toISOString(),
				utm: { campaign },
			})),
		});
		expect(accepted).toBe(Math.min(1_000, made.length - start));
	}
	const seen = new Set<string>();
	return made.map(({ at, code, device, bot, country, language, placement, source, campaign, visitor, userAgent }) => {
		// Without a visitor, a user agent alone tells one apart.
		const who = visitor ?? userAgent;
		const visit = `${code.id} ${new Date(at).toISOString().slice(0, 10)} ${visitor === undefined ? "agent" : "named"} ${who}`;
		const first = !bot && who !== undefined && !seen.has(visit);
		if (first) seen.add(visit);
		return {
			at,
			code: code.id,
			bot,
			first,
			values: { device, country, language, placement, source, utm_campaign: campaign },
		};
	});
}

/** A question as a query string; instants unless `dates`. */
function queryOf({ codes: asked, from, to, bots, filters = {} }: Question, more: Record<string, string> = {}): string {
	const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...more });
	for (const code of asked ?? []) query.append("code", code);
	if (bots !== undefined) query.set("bots", String(bots));
	for (const [dimension, values] of Object.entries(filters))
		for (const value of values) query.append(`filter.${dimension}`, value);
	return query.toString();
}

/** Many questions of all kinds, the same in every run of one day. */
function questions(count: number, longestDays: number, seed: number): Question[] {
	const random = dice(seed);
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
	const edges = [...scans.map(({ at }) => at), ...changes()];
	return Array.from({ length: count }, () => {
		const from = pick(edges) + pick([0, 0, 1, -1, -3_600_000]);
		const filter = pick<() => Question["filters"]>([
			() => undefined,
			() => ({ country: [pick(["DE", "(none)", "XX"])] }),
			() => ({ country: ["DE", "FR"], device: ["mobile", "bot"] }),
			() => ({ placement: ["(none)", "wall"], language: ["de"] }),
			() => ({ utm_campaign: [pick(["b.c", "$d", "__proto__"])] }),
			() => ({ code: [pick(codes).id, pick(codes).id] }),
		])();
		return {
			from,
			to: pick([
				() => from,
				() => from + 1,
				() => Math.max(from, pick(edges)),
				() => from + Math.floor(random() * longestDays * DAY_MS),
			])(),
			codes: pick<() => string[] | undefined>([
				() => undefined,
				() => [pick(codes).id],
				() => [pick(codes).id, pick(codes).id],
			])(),
			bots: pick([undefined, true, false]),
			filters: filter,
		};
	}).map((question) => ({ ...question, to: Math.min(question.to, question.from + longestDays * DAY_MS) }));
}

describe("a summary", () => {
	test("counts what is in the half-open range, of the codes and filters that were asked for", async () => {
		await each(questions(150, 400, 1), async (question) => {
			const query = queryOf(question);
			const { scans: found, visitors, bots } = await running.admin.get<Summary>(`${SUMMARY}?${query}`);
			expect({ query, found, visitors, bots }).toEqual({
				query,
				found: summaryOf(scans, question).scans,
				...pickCounts(summaryOf(scans, question)),
			});
		});
	});

	test("says what it is an answer to, and of when", async () => {
		const begun = Date.now();
		const answer = await running.admin.get<Summary>(
			`${SUMMARY}?from=2020-01-01T01:00:00%2B01:00&to=2020-01-02T00:00:00Z`,
		);
		expect(answer).toEqual({
			...{ from: "2020-01-01T00:00:00.000Z", to: "2020-01-02T00:00:00.000Z", tz: "UTC", complete: true },
			...{ asOf: expect.any(String), coverage: expect.any(Object), scans: 0, visitors: 0, bots: 0 },
		});
		expect(Date.parse(answer.asOf)).toBeGreaterThanOrEqual(begun);
		expect(Date.parse(answer.asOf)).toBeLessThanOrEqual(Date.now());
		expect(answer.coverage).toMatchObject({ from: expect.any(String), to: expect.any(String) });
	});

	test("reads dates in the zone that was asked for, and today from its local midnight until now", async () => {
		for (const tz of ZONES) {
			const today = Temporal.Now.plainDateISO(tz);
			for (const [back, days] of [
				[0, 1],
				[1, 1],
				[40, 39],
				[370, 370],
			] as const) {
				const [from, to] = [
					String(today.subtract({ days: back })),
					String(today.subtract({ days: back }).add({ days })),
				];
				const answer = await running.admin.get<Summary>(
					`${SUMMARY}?from=${from}&to=${to}&tz=${encodeURIComponent(tz)}`,
				);
				const question = { from: startOf(from, tz), to: startOf(to, tz) };
				expect(answer).toMatchObject({
					tz,
					from: new Date(question.from).toISOString(),
					to: new Date(question.to).toISOString(),
					...summaryOf(scans, question),
				});
			}
			const answer = await running.admin.get<Summary>(`${SUMMARY}?tz=${encodeURIComponent(tz)}`);
			const from = startOf(String(today), tz);
			expect(answer).toMatchObject({
				tz,
				from: new Date(from).toISOString(),
				...summaryOf(scans, { from, to: Date.now() }),
			});
			expect(Math.abs(Date.parse(answer.to) - Date.now())).toBeLessThan(2_000);
		}
	});

	test("compared with the period before knows it, and by which fraction it changed", async () => {
		const now = Date.now();
		for (const [from, to] of [
			[now - 5 * DAY_MS, now],
			[now - 100 * DAY_MS, now - 99 * DAY_MS],
			[now - 3_600_000, now],
		] as const) {
			const before = { from: from - (to - from), to: from };
			const expected = { now: summaryOf(scans, { from, to }), before: summaryOf(scans, before) };
			const answer = await running.admin.get<Summary>(`${SUMMARY}?${queryOf({ from, to }, { compare: "previous" })}`);
			expect(answer).toMatchObject(expected.now);
			expect(answer.previous).toEqual({
				from: new Date(before.from).toISOString(),
				to: new Date(before.to).toISOString(),
				...expected.before,
			});
			const fraction = (a: number, b: number) => (b === 0 ? null : expect.closeTo((a - b) / b, 10));
			expect(answer.change).toEqual({
				scans: fraction(expected.now.scans, expected.before.scans),
				visitors: fraction(expected.now.visitors, expected.before.visitors),
			});
		}
		const never = await running.admin.get<Summary>(`${SUMMARY}?from=2019-01-01&to=2019-02-01&compare=previous`);
		expect(never).toMatchObject({
			previous: { scans: 0, visitors: 0, bots: 0 },
			change: { scans: null, visitors: null },
		});
		expect(await running.admin.get(`${SUMMARY}?from=2019-01-01&to=2019-02-02`)).not.toHaveProperty("previous");
	});

	test("compared by dates looks at as many local days, however long they are", async () => {
		const tz = "Europe/Berlin";
		const change = Temporal.Now.zonedDateTimeISO(tz).getTimeZoneTransition("previous") as Temporal.ZonedDateTime;
		const day = change.toPlainDate();
		const [from, to, before] = [day, day.add({ days: 2 }), day.subtract({ days: 2 })].map(String) as [
			string,
			string,
			string,
		];
		const answer = await running.admin.get<Summary>(`${SUMMARY}?from=${from}&to=${to}&tz=${tz}&compare=previous`);
		const previous = { from: startOf(before, tz), to: startOf(from, tz) };
		expect(answer.previous).toEqual({
			from: new Date(previous.from).toISOString(),
			to: new Date(previous.to).toISOString(),
			...summaryOf(scans, previous),
		});
		expect(Date.parse(answer.to) - Date.parse(answer.from)).not.toBe(2 * DAY_MS);
	});

	test("knows codes by id and slug, and says 404 of one that there is not", async () => {
		const [one, two] = codes as [Code, Code];
		const wide = { from: Date.now() - 400 * DAY_MS, to: Date.now() };
		const bySlug = await running.admin.get<Summary>(
			`${SUMMARY}?${queryOf({ ...wide, codes: [one.slug, two.id, one.id] })}`,
		);
		expect(bySlug.scans).toBe(summaryOf(scans, { ...wide, codes: [one.id, two.id] }).scans);
		for (const path of [SUMMARY, SERIES, `${BREAKDOWN}?by=os`]) {
			const answer = await running.admin.request(
				"GET",
				`${path}${path.includes("?") ? "&" : "?"}code=${one.id}&code=none`,
			);
			const problem = await problemOf(answer, 404, "not_found");
			expect(problem.errors?.map(({ path: named }) => named) ?? ["code"]).toEqual(["code"]);
		}
		const filtered = await running.admin.get<Summary>(
			`${SUMMARY}?${queryOf({ ...wide, filters: { code: [two.slug] } })}`,
		);
		expect(filtered.scans).toBe(summaryOf(scans, { ...wide, codes: [two.id] }).scans);
		const nothing = await running.admin.get<Summary>(`${SUMMARY}?${queryOf({ ...wide, filters: { code: ["none"] } })}`);
		expect(nothing).toMatchObject({ scans: 0, visitors: 0, bots: 0 });
	});

	test("of a range that ends before it begins is refused", async () => {
		for (const path of [`${SUMMARY}?`, `${SERIES}?`, `${BREAKDOWN}?by=os&`]) {
			for (const range of [
				"from=2026-01-02&to=2026-01-01",
				"to=2019-01-01",
				"from=2999-01-01",
				"from=2026-01-01T00:00:00.001Z&to=2026-01-01",
			]) {
				const problem = await problemOf(await running.admin.request("GET", path + range), 422, "invalid");
				expect(problem.errors?.every(({ path: named }) => named === "from" || named === "to")).toBe(true);
			}
		}
	});
});

const pickCounts = ({ visitors, bots }: { visitors: number; bots: number }) => ({ visitors, bots });

describe("a time series", () => {
	test.each(INTERVALS)(
		"by %s has every bucket that touches the range, in every zone, and only what is in it",
		async (interval) => {
			const longest = { quarter: 3, hour: 8, day: 60, week: 200, month: 390 }[interval];
			await each(
				questions(60, longest, 2).map((question, n) => ({ question, tz: ZONES[n % ZONES.length] as string })),
				async ({ question, tz }) => {
					const query = queryOf(question, { interval, tz });
					const answer = await running.admin.get<TimeSeries>(`${SERIES}?${query}`);
					expect({ query, interval: answer.interval, tz: answer.tz, points: answer.points }).toEqual({
						...{ query, interval, tz },
						points: seriesOf(scans, question, interval, tz),
					});
				},
			);
		},
	);

	test("across a change of the clocks shows a repeated hour twice and a skipped one never", async () => {
		const tz = "America/New_York";
		const last = Temporal.Now.zonedDateTimeISO(tz).getTimeZoneTransition("previous") as Temporal.ZonedDateTime;
		for (const change of [last, last.getTimeZoneTransition("previous") as Temporal.ZonedDateTime]) {
			const day = change.toPlainDate();
			const query = `from=${day}&to=${day.add({ days: 1 })}&tz=${tz}`;
			const { points } = await running.admin.get<TimeSeries>(`${SERIES}?${query}&interval=hour`);
			const hours = points.map(({ at }) => Temporal.Instant.from(at).toZonedDateTimeISO(tz).hour);
			expect(hours).toEqual(change.hour === 3 ? [0, 1, ...range(3, 24)] : [0, 1, 1, ...range(2, 24)]);
			expect((await running.admin.get<TimeSeries>(`${SERIES}?${query}&interval=day`)).points).toHaveLength(1);
		}
	});

	test("sums up to the summary, and is by day when nothing else is asked", async () => {
		const wide = queryOf({ from: Date.now() - 390 * DAY_MS, to: Date.now() });
		const [{ points, interval }, summary] = [
			await running.admin.get<TimeSeries>(`${SERIES}?${wide}`),
			await running.admin.get<Summary>(`${SUMMARY}?${wide}`),
		];
		expect(interval).toBe("day");
		expect(points.reduce((sum, point) => sum + point.scans, 0)).toBe(summary.scans);
		expect(points.reduce((sum, point) => sum + point.visitors, 0)).toBe(summary.visitors);
	});

	test("of more buckets than anybody can look at is refused", async () => {
		const problem = await running.admin.refused("GET", `${SERIES}?from=2000-01-01&interval=quarter`);
		expect([problem.status, problem.errors?.[0]?.path]).toEqual([422, "interval"]);
	});

	test("is annotated with edits of destinations within the range", async () => {
		const code = await running.code({ url: "https://example.org/1" });
		const begun = Date.now();
		await running.admin.patch(`/api/v1/codes/${code.id}`, { url: "https://example.org/2" });
		await running.admin.patch(`/api/v1/codes/${code.id}`, { name: "only a name" });
		const answer = await running.admin.get<TimeSeries>(
			`${SERIES}?code=${code.id}&from=${new Date(begun - 1).toISOString()}`,
		);
		expect(answer.annotations).toEqual([{ at: expect.any(String), code: code.id, url: "https://example.org/2" }]);
		expect((await running.admin.get<TimeSeries>(`${SERIES}?code=${codes[0]?.id}`)).annotations).toEqual([]);
	});
});

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => from + n);

describe("a breakdown", () => {
	const DIMENSIONS = ["country", "device", "language", "placement", "source", "utm_campaign", "code", "city"];

	test("has the largest values first, ties by value, and the rest as other", async () => {
		await each(
			questions(120, 400, 3).map((question, n) => ({
				question,
				by: DIMENSIONS[n % DIMENSIONS.length] as string,
				limit: [1, 2, 10, 300][n % 4] as number,
			})),
			async ({ question, by, limit }) => {
				const query = queryOf(question, { by, limit: String(limit) });
				const answer = await running.admin.get<Breakdown>(`${BREAKDOWN}?${query}`);
				expect({
					query,
					by: answer.by,
					rows: answer.rows.map(({ name: _, ...row }) => row),
					other: answer.other,
					total: answer.total,
				}).toEqual({
					...{ query, by },
					...breakdownOf(scans, question, by, limit),
				});
			},
		);
	});

	test("by code gives ids with names, also of codes that were deleted", async () => {
		const code = await running.code({ name: "Gone soon" });
		await running.admin.post("/api/v1/scans", { code: code.id, utm: { source: "names" } });
		const query = { by: "code", "filter.utm_source": "names" };
		const { rows } = await running.complete<Breakdown>(BREAKDOWN, query);
		expect(rows).toEqual([{ value: code.id, name: "Gone soon", scans: 1, visitors: 0 }]);
		await running.admin.delete(`/api/v1/codes/${code.id}`);
		expect((await running.complete<Breakdown>(BREAKDOWN, query)).rows).toEqual(rows);
		expect((await running.admin.refused("GET", `${SUMMARY}?code=${code.id}`)).status).toBe(404);
	});

	test("of more values than a bucket keeps still sums up", async () => {
		const code = await running.code();
		const many = Array.from({ length: 700 }, (_, n) => ({ code: code.id, city: `City ${n % 350}` }));
		await running.admin.post("/api/v1/scans/batch", { scans: many });
		const answer = await running.complete<Breakdown>(BREAKDOWN, { code: code.id, by: "city", limit: "300" });
		expect(answer.total).toBe(700);
		expect(answer.rows.reduce((sum, { scans: found }) => sum + found, 0) + answer.other).toBe(700);
		expect(answer.rows.map(({ value }) => value)).not.toContain("(other)");
		expect(answer.coverage).toMatchObject({ capped: true });
		expect((await running.counted({ code: code.id, "filter.city": "City 349" })).scans).toBe(2);
	});
});

describe("an answer", () => {
	test("says whether a cache had it, how long it took, and is never older than two seconds", async () => {
		const query = `${SUMMARY}?code=${codes[0]?.id}&filter.city=cached`;
		const first = await running.admin.request("GET", query);
		expect(first.headers.get("x-cache")).toBe("miss");
		expect(first.headers.get("server-timing")).toMatch(/;dur=\d/);
		const again = await running.admin.request("GET", query);
		expect(again.headers.get("x-cache")).toBe("l1");
		expect(((await again.json()) as Summary).asOf).toBe(((await first.json()) as Summary).asOf);
		for (let n = 0; n < 40; n++) {
			const asked = Date.now();
			const { asOf } = await running.admin.get<Summary>(query);
			expect(asked - Date.parse(asOf)).toBeLessThan(2_000);
		}
		for (const path of [SERIES, `${BREAKDOWN}?by=os`])
			expect((await running.admin.request("GET", path)).headers.get("x-cache")).toMatch(/^(l1|l2|miss|stale)$/);
	});

	test("that is complete has every scan that was answered before it was asked for", async () => {
		const code = await running.code();
		for (let n = 1; n <= 20; n++) {
			await running.admin.post("/api/v1/scans", { code: code.id });
			expect((await running.counted({ code: code.id })).scans).toBe(n);
		}
	});

	test("reads dates in the organisation's zone once that is set", async () => {
		await running.admin.patch("/api/v1/organisation", { timeZone: "Asia/Kolkata" });
		const date = "2026-03-01";
		await until(async () => (await running.admin.get<Summary>(`${SUMMARY}?from=${date}`)).tz === "Asia/Kolkata", {
			what: "the new zone",
			timeoutMs: 2_500,
		});
		const answer = await running.admin.get<Summary>(`${SUMMARY}?from=${date}`);
		expect(answer.from).toBe(new Date(startOf(date, "Asia/Kolkata")).toISOString());
		expect((await running.admin.get<Summary>(`${SUMMARY}?from=${date}&tz=UTC`)).tz).toBe("UTC");
		await running.admin.patch("/api/v1/organisation", { timeZone: "UTC" });
	});
});
