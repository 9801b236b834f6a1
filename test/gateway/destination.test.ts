import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { RoutableCode } from "../../contracts/code.ts";
import { chooseDestination, type Traveller } from "../../services/gateway/destination.ts";
import { locationOf } from "../../services/gateway/location.ts";
import { partitionOf } from "../../services/gateway/partition-of.ts";

const code = (fields: Partial<RoutableCode> = {}): RoutableCode => ({
	...{ id: "c1", organisation: "o", slug: "s", url: "https://a.example/", active: true, usedUp: false, version: 1 },
	...{ rules: [], variants: [] },
	...fields,
});
const traveller = (fields: Partial<Traveller> = {}): Traveller => ({
	now: 1_000_000,
	device: "mobile",
	visitor: "v",
	...fields,
});
const urlOf = (fields: Partial<RoutableCode>, who: Partial<Traveller> = {}) =>
	chooseDestination(code(fields), traveller(who));

describe("where a code leads", () => {
	test("is the first rule whose every condition holds", () => {
		const rules = [
			{ if: { country: "DE", os: "iOS" }, url: "https://de-ios.example/" },
			{ if: { country: "DE" }, url: "https://de.example/" },
			{
				if: { after: new Date(2_000_000).toISOString(), before: new Date(3_000_000).toISOString() },
				url: "https://then.example/",
			},
			{ if: { language: "en-GB" }, url: "https://en.example/" },
		];
		const to = (who: Partial<Traveller>) => urlOf({ rules }, who);
		expect(to({ country: "DE", os: "iOS" })).toEqual({ kind: "destination", url: "https://de-ios.example/" });
		expect(to({ country: "DE", os: "Android" })).toMatchObject({ url: "https://de.example/" });
		expect(to({ now: 2_000_000 })).toMatchObject({ url: "https://then.example/" });
		expect(to({ now: 3_000_000 })).toMatchObject({ url: "https://a.example/" });
		expect(to({ language: "en" })).toMatchObject({ url: "https://en.example/" });
		expect(to({})).toMatchObject({ url: "https://a.example/" });
	});

	test("follows the weights of variants, and sticks to a visitor", () => {
		const variants = [
			{ url: "https://one.example/", weight: 3 },
			{ url: "https://two.example/", weight: 1 },
		];
		const first = Array.from({ length: 4_000 }, (_, index) => urlOf({ variants }, { visitor: `visitor-${index}` }));
		const share = first.filter((it) => it.kind === "destination" && it.url === "https://one.example/").length / 4_000;
		expect(share).toBeGreaterThan(0.7);
		expect(share).toBeLessThan(0.8);
		const again = first.map((_, index) => urlOf({ variants }, { visitor: `visitor-${index}` }));
		expect(again).toEqual(first);
	});

	test("is nowhere when it is inactive, expired, used up, deleted or unknown", () => {
		expect(urlOf({ active: false })).toMatchObject({ kind: "gone", reason: "inactive" });
		expect(urlOf({ expiresAt: new Date(1_000_000).toISOString() })).toMatchObject({ kind: "gone", reason: "expired" });
		expect(urlOf({ expiresAt: new Date(1_000_001).toISOString() })).toMatchObject({ kind: "destination" });
		expect(urlOf({ usedUp: true, fallbackUrl: "https://f.example/" })).toEqual({
			...{ kind: "gone", reason: "used_up", url: "https://f.example/" },
		});
		expect(urlOf({ deleted: true, fallbackUrl: "https://f.example/" })).toEqual({ kind: "unknown" });
		expect(chooseDestination(null, traveller())).toEqual({ kind: "unknown" });
	});
});

describe("the Location of a redirect", () => {
	test.each([
		["https://a.example/", "", "https://a.example/"],
		["https://a.example/", "x=1&y=%20", "https://a.example/?x=1&y=%20"],
		["https://a.example/?x=own#f", "x=1&y=2", "https://a.example/?x=own&y=2#f"],
		["https://a.example/?", "y=2", "https://a.example/?y=2"],
		["https://a.example/?x=1&", "y=2&&z", "https://a.example/?x=1&y=2&z"],
		["https://a.example/?a+b=1", "a%20b=2", "https://a.example/?a+b=1"],
		["https://bücher.example/ü", "q=ä", "https://xn--bcher-kva.example/%C3%BC?q=%C3%A4"],
		["https://a.example/#f", "x=#g", "https://a.example/?x=%23g#f"],
		["https://a.example/", "%zz=1", "https://a.example/?%zz=1"],
	])("of %s with ?%s is %s", (destination, query, location) => {
		expect(locationOf(destination, query)).toBe(location);
	});

	test("is one line of printable ASCII and stays at the destination's host, whatever the query", () => {
		fc.assert(
			fc.property(
				fc.webUrl({ withQueryParameters: true, withFragments: true }),
				fc.string({ unit: "binary" }),
				(url, query) => {
					const location = locationOf(url, query);
					expect(location).toMatch(/^[\x21-\x7e]+$/);
					expect(new URL(location).host).toBe(new URL(url).host);
					expect(new URL(location).hash).toBe(new URL(url).hash);
				},
			),
		);
	});
});

test("a code's partition is the same in every release, and codes spread evenly", () => {
	expect(["", "a", "code-1", "schön"].map((id) => partitionOf(id, 1_024))).toMatchInlineSnapshot(`
		[
		  11,
		  435,
		  438,
		  345,
		]
	`);
	const counts = [0, 0, 0, 0];
	for (let index = 0; index < 8_000; index++) counts[partitionOf(`c_${index}`, 4)]!++;
	for (const count of counts) expect(Math.abs(count - 2_000)).toBeLessThan(200);
});
