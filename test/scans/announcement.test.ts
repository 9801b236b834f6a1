import { describe, expect, test } from "vitest";
import type { CodeDelta } from "../../contracts/events.ts";
import type { StoredScan } from "../../contracts/scan.ts";
import type { IngestedPart } from "../../platform/store/scan-store.ts";
import { announcements } from "../../services/scans/announcement.ts";
import { scan } from "../store/scans.ts";

const stored = (differences: Partial<StoredScan> = {}): StoredScan => ({ ...scan(differences), first: true });

function delta(code: string, browsers: Record<string, number> = {}): CodeDelta {
	const counts = { scans: 1, visitors: 1, bots: 0 };
	return { organisation: "acme", code, ...counts, total: counts, quarters: {}, minutes: {}, by: { browser: browsers } };
}

function ingested(parts: Partial<IngestedPart>): IngestedPart {
	return {
		partition: 2,
		from: 10,
		to: 12,
		stored: 0,
		duplicate: 0,
		missing: 0,
		dropped: 0,
		codes: [],
		scans: [],
		...parts,
	};
}

describe("the announcement of a commit", () => {
	test("is sent also when nothing was added, because the position moved", () => {
		const [only, ...rest] = announcements(ingested({}), "epoch", 1);
		expect(rest).toEqual([]);
		expect(only).toMatchObject({ partition: 2, from: 10, to: 12, part: 0, parts: 1, codes: [], feed: [] });
	});

	test("comes in parts below the limit, and the parts hold everything once", () => {
		const codes = Array.from({ length: 40 }, (_, index) => delta(`code-${index}`));
		const parts = announcements(ingested({ codes }), "epoch", 1, { maxBytes: 1_000 });
		expect(parts.length).toBeGreaterThan(1);
		expect(parts.map(({ part, parts: all }) => [part, all])).toEqual(parts.map((_, index) => [index, parts.length]));
		expect(parts.flatMap((part) => part.codes.map(({ code }) => code))).toEqual(codes.map(({ code }) => code));
		for (const part of parts) expect(JSON.stringify(part.codes).length).toBeLessThan(1_200);
	});

	test("shows the newest scans of a code in their order and counts what it leaves out", () => {
		const scans = Array.from({ length: 60 }, () => stored());
		const [only] = announcements(ingested({ scans }), "epoch", 1, { maxFeedPerCode: 50 });
		expect(only?.feed.map(({ id }) => id)).toEqual(scans.slice(10).map(({ id }) => id));
		expect(only?.skipped).toEqual({ poster: 10 });
	});

	test("merges the rarest values of a dimension, so that sums stay", () => {
		const browsers = Object.fromEntries(Array.from({ length: 70 }, (_, index) => [`b${index}`, index + 1]));
		const [only] = announcements(ingested({ codes: [delta("poster", browsers)] }), "epoch", 1, { maxValues: 50 });
		const shown = only?.codes[0]?.by.browser ?? {};
		expect(Object.keys(shown)).toHaveLength(51);
		expect(Object.values(shown).reduce((a, b) => a + b, 0)).toBe((70 * 71) / 2);
	});

	test("carries no more of a scan than a feed shows", () => {
		const [only] = announcements(ingested({ scans: [stored({ visitor: "hash" })] }), "epoch", 1);
		expect(only?.feed[0]).not.toHaveProperty("visitor");
	});
});
