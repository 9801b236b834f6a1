/*
 * "Analytics": summaries, and what every answer says of itself; each held against the slow count of the same scans.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../harness/product.ts";
import { type Counted, startOf, summaryOf } from "./counting.ts";
import {
	BREAKDOWN,
	DAY_MS,
	type ManyScans,
	queryOf,
	SERIES,
	SUMMARY,
	startWithManyScans,
	ZONES,
} from "./many-scans.ts";
import { each, problemOf, type Running } from "./running.ts";

let running: Running;
let codes: readonly Code[];
let scans: readonly Counted[];
let questions: ManyScans["questions"];

beforeAll(async () => {
	({ running, codes, scans, questions } = await startWithManyScans());
});

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
