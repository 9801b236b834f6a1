import { expect, test } from "vitest";
import type { ExportedScan } from "../../contracts/scan.ts";
import { fitting } from "../../services/analytics/export.ts";

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
