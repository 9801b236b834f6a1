import { describe, expect, test } from "vitest";
import { canonicalAddress, clientAddress, limitedNetwork } from "../../services/gateway/client-address.ts";
import { openGeoTable } from "../../services/gateway/enrich/geo.ts";
import { dimensionText, primaryLanguage, referrerHost } from "../../services/gateway/enrich/text.ts";
import { readUserAgent } from "../../services/gateway/enrich/user-agent.ts";
import { hashVisitor, Salts } from "../../services/gateway/enrich/visitor.ts";
import { uuid7 } from "../../services/gateway/uuid7.ts";

describe("a user agent", () => {
	test.each([
		[
			"iPhone",
			"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1",
			"mobile iOS Safari",
		],
		[
			"iPad",
			"Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/120.0 Mobile/15E148 Safari/604.1",
			"tablet iOS Chrome",
		],
		[
			"Android phone",
			"Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
			"mobile Android Chrome",
		],
		[
			"in-app browser",
			"Mozilla/5.0 (Linux; Android 14; Pixel 8; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36",
			"mobile Android Chrome",
		],
		[
			"Mac",
			"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Safari/605.1.15",
			"desktop macOS Safari",
		],
		[
			"Windows",
			"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36 Edg/120.0.0.0",
			"desktop Windows Edge",
		],
		[
			"Ubuntu",
			"Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0",
			"desktop Linux Firefox",
		],
		[
			"Chromebook",
			"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
			"desktop ChromeOS Chrome",
		],
		[
			"television",
			"Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/3.0 Chrome/76 TV Safari/537.36",
			"tv Tizen Samsung Internet",
		],
	])("of a(n) %s is read as people call it", (_, text, expected) => {
		const { device, os, browser, bot } = readUserAgent(text);
		expect(`${device} ${os} ${browser}`).toBe(expected);
		expect(bot).toBe(false);
	});

	test("of a program is a bot; an absent one is not", () => {
		for (const text of ["curl/8.0", "Googlebot/2.1", "Mozilla/5.0 (compatible; bingbot/2.0)"]) {
			expect(readUserAgent(text)).toMatchObject({ device: "bot", bot: true });
		}
		expect(readUserAgent(undefined)).toEqual({ device: "other", bot: false });
		expect(readUserAgent("")).toEqual({ device: "other", bot: false });
	});
});

describe("an address", () => {
	const request = (remoteAddress: string, forwarded?: string) =>
		({ socket: { remoteAddress }, headers: { "x-forwarded-for": forwarded } }) as never;

	test("is the connection's unless proxies are trusted, then the one that the outermost of them saw", () => {
		expect(clientAddress(request("::ffff:9.9.9.9", "1.1.1.1"), 0)).toBe("9.9.9.9");
		expect(clientAddress(request("10.0.0.1", "6.6.6.6, 1.1.1.1"), 1)).toBe("1.1.1.1");
		expect(clientAddress(request("10.0.0.1", "6.6.6.6, 1.1.1.1, 10.0.0.2"), 2)).toBe("1.1.1.1");
		expect(clientAddress(request("10.0.0.1", "1.1.1.1:4711"), 1)).toBe("1.1.1.1");
		expect(clientAddress(request("10.0.0.1", "[2001:DB8::1]:443"), 1)).toBe("2001:db8::1");
		expect(clientAddress(request("10.0.0.1", "unknown"), 1)).toBe("10.0.0.1");
		expect(clientAddress(request("10.0.0.1"), 1)).toBe("10.0.0.1");
	});

	test("has one spelling, and is limited by the network that a customer has", () => {
		expect(canonicalAddress("2001:0DB8:0:0:0:0:0:1")).toBe("2001:db8::1");
		expect(canonicalAddress("::ffff:1.2.3.4")).toBe("1.2.3.4");
		expect(canonicalAddress("fe80::1%eth0")).toBe("fe80::1");
		expect(canonicalAddress("1.2.3")).toBeUndefined();
		expect(limitedNetwork("2001:db8:1:2:3:4:5:6")).toBe("2001:db8:1:2");
		expect(limitedNetwork("2001:db8::1")).toBe("2001:db8:0:0");
		expect(limitedNetwork("::1")).toBe("0:0:0:0");
		expect(limitedNetwork("1.2.3.4")).toBe("1.2.3.4");
	});

	test("says the country, where it is a public one", async () => {
		const geo = await openGeoTable(undefined);
		expect(geo("8.8.8.8").country).toBe("US");
		expect(geo("2001:4860:4860::8888").country).toBe("US");
		expect(geo("127.0.0.1")).toEqual({});
		expect(geo("")).toEqual({});
		await expect(openGeoTable("/nowhere.mmdb")).rejects.toThrow('GEOIP_DB is "/nowhere.mmdb": expected');
	});
});

describe("a visitor", () => {
	test("is told apart by organisation and by every part, never by how parts are joined", () => {
		const hashes = [
			hashVisitor("salt", "o", ["a", "bc"]),
			hashVisitor("salt", "o", ["ab", "c"]),
			hashVisitor("salt", "o", ["abc"]),
			hashVisitor("salt", "p", ["a", "bc"]),
			hashVisitor("tlas", "o", ["a", "bc"]),
		];
		expect(new Set(hashes).size).toBe(hashes.length);
		expect(hashVisitor("salt", "o", ["a", "bc"])).toBe(hashes[0]);
	});

	test("is hashed under the salt of the scan's UTC day, else of the nearest day held", () => {
		const salts = new Salts();
		expect(salts.at(0)).toBeUndefined();
		salts.replace([
			{ day: "2026-11-24", salt: "tomorrow" },
			{ day: "2026-11-22", salt: "yesterday" },
			{ day: "2026-11-23", salt: "today" },
		]);
		const at = (instant: string) => salts.at(Date.parse(instant));
		expect(at("2026-11-23T00:00:00Z")).toBe("today");
		expect(at("2026-11-22T23:59:59.999Z")).toBe("yesterday");
		expect(at("2026-11-24T00:00:00+01:00")).toBe("today");
		expect(at("2026-10-01T00:00:00Z")).toBe("yesterday");
		expect(at("2026-11-30T00:00:00Z")).toBe("tomorrow");
	});
});

test("languages, referring pages and free text are kept in short", () => {
	expect(["de-AT,de;q=0.9", "EN", "zh_Hant", "*", "", undefined].map(primaryLanguage)).toEqual([
		...["de", "en", "zh"],
		...[undefined, undefined, undefined],
	]);
	expect(
		["https://a.example:81/x?y", "b.example/x", "android-app://com.app", "about:blank", "two words", ""].map(
			referrerHost,
		),
	).toEqual(["a.example", "b.example", "com.app", undefined, undefined, undefined]);
	expect(dimensionText("  a\u0000b\n ")).toBe("a b");
	expect(dimensionText(" \t ")).toBeUndefined();
	expect(dimensionText(`${"x".repeat(127)}😀`)).toBe(`${"x".repeat(127)}\ufffd`);
});

test("ids of scans sort by time and never repeat", () => {
	const ids = Array.from({ length: 2_000 }, () => uuid7(1_795_411_402_957));
	expect(new Set(ids).size).toBe(2_000);
	for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
	expect(uuid7(1) < uuid7(2)).toBe(true);
});
