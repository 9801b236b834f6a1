/** Raw scans page by page: every one of the selection once, in order, whatever shares an instant or falls to a filter. */

import fc from "fast-check";
import { expect } from "vitest";
import type { ExportedScan, ScanPlace, StoredScan } from "../../../contracts/scan.ts";
import { toExportedScan } from "../../../platform/store/feed-scan.ts";
import type { ScanStore, Selection } from "../../../platform/store/scan-store.ts";
import { NOON, scan } from "../scans.ts";
import { Feeder } from "./feeder.ts";
import type { ProvideStore } from "./provided.ts";
import { anyScan, anySelection, partitionOf, recount, selected } from "./random.ts";
import { selection, storeTest } from "./with-store.ts";

const DAY = 86_400_000;
const RUNS = 25;

/** All pages of a selection, each of which says how long it may be. */
async function pages(store: ScanStore, asked: Selection, limit: number, begin?: ScanPlace): Promise<ExportedScan[][]> {
	const read: ExportedScan[][] = [];
	for (let next: ScanPlace | null = begin ?? { at: asked.from, id: "" }; next; ) {
		const { value } = await store.scans(asked, next, limit);
		expect(value.scans.length).toBeLessThanOrEqual(limit);
		read.push([...value.scans]);
		next = value.next;
	}
	return read;
}

function exported(scans: readonly StoredScan[], { bots }: Selection): unknown {
	const shown = scans.filter(({ bot }) => bots || !bot).map(toExportedScan);
	return plain(shown.sort((a, b) => (a.at < b.at || (a.at === b.at && a.id < b.id) ? -1 : 1)));
}

/** Without what is absent, and with strings as both stores keep them. */
function plain(scans: readonly ExportedScan[]): unknown {
	return JSON.parse(JSON.stringify(scans), (_, value) => (typeof value === "string" ? value.toWellFormed() : value));
}

export function pageCases(provide: ProvideStore): void {
	storeTest(provide, "pages of any length are together the selection in order", async (store) => {
		const feeders = [await Feeder.claim(store, 0), await Feeder.claim(store, 1)];
		let runs = 0;
		await fc.assert(
			fc.asyncProperty(
				fc.array(anyScan, { maxLength: 60 }),
				fc.array(fc.tuple(anySelection, fc.integer({ min: 1, max: 9 })), { minLength: 3, maxLength: 6 }),
				async (made, questions) => {
					const organisation = `organisation-${++runs}`;
					const scans = made.map((some) => scan({ ...some, organisation }));
					const parts = [0, 1].map((partition) => scans.filter((some) => partitionOf(some) === partition));
					for (const [partition, part] of parts.entries()) await feeders[partition]?.feed(part);
					const held = recount(parts.flat());
					for (const [question, limit] of questions) {
						const asked = { ...question, organisation };
						const read = await pages(store, asked, limit);
						expect(plain(read.flat())).toEqual(exported(selected(held, asked), asked));
					}
				},
			),
			{ numRuns: RUNS },
		);
	});

	storeTest(provide, "a page has all that a scan was stored with, but whose it is", async (store) => {
		const feeder = await Feeder.claim(store);
		const whole = scan({
			...{ country: "DE", region: "BE", city: "Berlin", lat: 52.5, lon: -13.4, os: "iOS", browser: "Safari" },
			...{ language: "de", referrer: "example.org", placement: "wall", visitor: "v", bot: false, source: "link" },
			...{ utm_source: "a", utm_medium: "b", utm_campaign: "c" },
		});
		await feeder.feed([whole]);
		const { value, positions } = await store.scans(selection(), { at: 0, id: "" }, 10);
		const { organisation: _, ...shown } = whole;
		const expected = { ...shown, at: new Date(whole.at).toISOString(), first: true };
		expect(JSON.parse(JSON.stringify(value.scans))).toEqual([expected]);
		expect(positions).toEqual({ 0: feeder.position });
	});

	storeTest(provide, "many scans of one instant come once each, in the order of their ids", async (store) => {
		const feeder = await Feeder.claim(store);
		const ids = Array.from({ length: 130 }, (_, n) => `tie-${String((n * 37) % 130).padStart(3, "0")}`);
		await feeder.feed([
			scan({ id: "before", at: NOON - 1 }),
			...ids.map((id) => scan({ id })),
			scan({ id: "z", at: NOON + 1 }),
		]);
		for (const limit of [1, 7, 130, 131, 500]) {
			const read = (await pages(store, selection(), limit)).flat().map(({ id }) => id);
			expect(read).toEqual(["before", ...ids.toSorted(), "z"]);
		}
	});

	storeTest(
		provide,
		"a filter that hardly ever holds makes pages short, not the reading of one long",
		async (store) => {
			const feeder = await Feeder.claim(store);
			const scans = Array.from({ length: 600 }, (_, n) =>
				scan({ at: NOON + n * 1_000, country: n === 599 ? "AT" : "DE" }),
			);
			await feeder.feed(scans);
			const filters = [{ dimension: "country" as const, values: ["AT"] }];
			const read = await pages(store, selection({ filters }), 5);
			expect(read.flat()).toMatchObject([{ country: "AT" }]);
			expect(read.length).toBeGreaterThan(3);
		},
	);

	storeTest(provide, "more codes than can be merged are read, too, over several months", async (store) => {
		const feeder = await Feeder.claim(store);
		const codes = Array.from({ length: 150 }, (_, n) => `code-${n}`);
		const scans = codes.flatMap((code, n) => [
			scan({ code, at: NOON + (n * DAY) / 3 }),
			scan({ at: NOON + (n * DAY) / 4 }),
		]);
		await feeder.feed(scans);
		const asked = selection({ codes, to: NOON + 100 * DAY });
		const read = await pages(store, asked, 40);
		expect(read.flat().map(({ code }) => code)).toEqual(codes);
	});

	storeTest(
		provide,
		"a reading goes on where it stands when scans are added behind it and before it",
		async (store) => {
			const feeder = await Feeder.claim(store);
			await feeder.feed([1, 2, 3, 4].map((n) => scan({ id: `s${n}`, at: NOON + n })));
			const { value } = await store.scans(selection(), { at: NOON, id: "" }, 2);
			expect(value.scans.map(({ id }) => id)).toEqual(["s1", "s2"]);
			await feeder.feed([scan({ id: "late", at: NOON }), scan({ id: "s5", at: NOON + 40 * DAY - 1 })]);
			const rest = await pages(store, selection(), 10, value.next as ScanPlace);
			expect(rest.flat().map(({ id }) => id)).toEqual(["s3", "s4", "s5"]);
		},
	);
}
