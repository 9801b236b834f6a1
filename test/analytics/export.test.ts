import { join } from "node:path";
import { expect, test } from "vitest";
import type { SeriesPoint } from "../../contracts/analytics.ts";
import type { ExportPlace } from "../../contracts/export.ts";
import type { ExportedScan } from "../../contracts/scan.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { fitting, goingOn, readExport } from "../../services/analytics/export.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { NOON, Producer, part, scan } from "../store/scans.ts";

const scans = (count: number, length: number): ExportedScan[] =>
	Array.from({ length: count }, (_, n) => ({
		...{ id: `s${n}`, code: "c", slug: "c", at: "2026-11-23T08:00:00.000Z", device: "other", source: "api" },
		...{ bot: false, first: false, city: "ä".repeat(length) },
	}));

test("a page of scans fits into a message, whatever is in them, and the next one begins where it ends", () => {
	const end = { at: 7, id: "x" };
	const few = scans(500, 10);
	expect(fitting(few, end)).toEqual({ rows: few, next: end });
	const many = scans(500, 2_000);
	const { rows, next } = fitting(many, end);
	expect(Buffer.byteLength(JSON.stringify(rows))).toBeLessThan(900 * 1024);
	expect(rows.length).toBeGreaterThan(50);
	expect(next).toEqual({ at: Date.parse("2026-11-23T08:00:00.000Z"), id: rows.at(-1)?.id });
});

test("a page that is too large for a message alone is one scan", () => {
	const [huge] = scans(1, 1_000_000);
	expect(fitting([huge as ExportedScan], null).rows).toHaveLength(1);
	expect(fitting([], null)).toEqual({ rows: [], next: null });
});

test("of a long series under a filter, no page looks at more scans than those of its week or month", async () => {
	const opened = await openSqliteStore({ file: join(await temporaryFolder(), "store.db") });
	atEndOfFile(() => opened.close());
	const { claim } = await opened.claim(0, "test");
	const day = 86_400_000;
	const made = Array.from({ length: 100 }, (_, n) => scan({ at: NOON + n * day, country: n % 2 ? "DE" : "FR" }));
	await opened.ingest([part([new Producer("one").message(made)], { claim })]);
	let longest = 0;
	const store = Object.assign(Object.create(opened) as ScanStore, {
		series: (...[selection, starts]: Parameters<ScanStore["series"]>) => {
			longest = Math.max(longest, selection.to - selection.from);
			return opened.series(selection, starts);
		},
	});
	const place: ExportPlace = { from: NOON - day, to: NOON + 100 * day, tz: "Europe/Berlin", at: NOON - day, id: "" };
	const all = async (interval: "week" | "month", country?: string) => {
		longest = 0;
		const query = country ? { filters: [{ dimension: "country" as const, values: [country] }] } : {};
		const rows: SeriesPoint[] = [];
		for (let after: ExportPlace | null = place; after; ) {
			const asked = goingOn("acme", query, after);
			const { value } = await readExport(store, asked, { what: "timeseries", interval }, after);
			rows.push(...(value.rows as SeriesPoint[]));
			after = value.next;
		}
		return rows;
	};
	for (const [interval, days] of [
		["week", 7],
		["month", 31],
	] as const) {
		const whole = await all(interval);
		const parts = [await all(interval, "DE"), await all(interval, "FR")];
		expect(longest).toBeLessThanOrEqual(days * day + 3_600_000);
		for (const rows of parts) expect(rows.map(({ at }) => at)).toEqual(whole.map(({ at }) => at));
		const sums = whole.map((_, n) => parts.reduce((sum, rows) => sum + (rows[n]?.scans ?? 0), 0));
		expect(sums).toEqual(whole.map(({ scans }) => scans));
		expect(whole.reduce((sum, { scans }) => sum + scans, 0)).toBe(100);
	}
});
