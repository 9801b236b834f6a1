/*
 * Where a code may lead: anywhere on the public internet, nowhere inside a network, however the address is written.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { destinationFault } from "../../services/codes/destination-safety.ts";

const refused = (address: unknown) => destinationFault(address, false) !== undefined;

describe("a destination", () => {
	test.each([
		"https://example.org",
		"http://example.org:8080/path?x=1&y=%20#top",
		"HTTPS://EXAMPLE.ORG/",
		"https://xn--mnchen-3ya.de/",
		"https://münchen.de/straße",
		"https://8.8.8.8/",
		"https://172.15.255.255/",
		"https://172.32.0.1/",
		"https://203.0.113.7/",
		"https://[2606:4700:4700::1111]/",
		"https://local.example.org/",
		"https://mylocalhost.org/",
		"https://example.org/@user:pass",
	])("may be %s", (address) => {
		expect(destinationFault(address, false)).toBeUndefined();
	});

	test.each([
		...["", "example.org", "//example.org", "ftp://example.org", "javascript:alert(1)", "data:text/html,x", "http://"],
		...["https://user@example.org", "https://user:pass@example.org", "https://:pass@example.org"],
		...[" https://example.org", "https://example.org ", "https://exam\nple.org", "https://example.org/\u0000"],
		...["http://localhost", "http://LOCALHOST:3000", "http://localhost.", "http://a.localhost", "http://router"],
		...["http://printer.local", "http://db.internal/", "http://nas.home.arpa", "http://x.lan", "http://metadata"],
		...["http://127.0.0.1", "http://127.1", "http://2130706433", "http://0x7f000001", "http://0177.0.0.1", "http://0"],
		...[
			"http://10.1.2.3",
			"http://172.16.0.1",
			"http://172.31.255.255",
			"http://192.168.1.1",
			"http://169.254.169.254",
		],
		...["http://100.64.0.1", "http://255.255.255.255", "http://224.0.0.1", "http://127.0.0.1."],
		...["http://１２７.0.0.1/", "http://127。0。0。1/"],
		...["http://[::1]", "http://[::]", "http://[::ffff:127.0.0.1]", "http://[::ffff:c0a8:101]", "http://[::7f00:1]"],
		...[
			"http://[fe80::1]",
			"http://[fc00::1]",
			"http://[fd12:3456::1]",
			"http://[ff02::1]",
			"http://[64:ff9b::7f00:1]",
		],
		...["http://[2002:7f00:1::]", "http://[fec0::1]"],
		...[42, null, undefined, ["https://example.org"], { href: "https://example.org" }],
	])("may not be %j", (address) => {
		expect(refused(address)).toBe(true);
	});

	test("may be as long as 2048 characters, also when it is encoded", () => {
		const prefix = "https://example.org/";
		expect(refused(prefix + "x".repeat(2_048 - prefix.length))).toBe(false);
		expect(refused(prefix + "x".repeat(2_049 - prefix.length))).toBe(true);
		expect(refused(prefix + "ü".repeat(500))).toBe(true);
	});

	test("may be private when the configuration allows it, and still nothing but http", () => {
		for (const address of ["http://localhost:3000", "http://10.0.0.1", "http://[::1]:80/", "http://router/"]) {
			expect(destinationFault(address, true)).toBeUndefined();
		}
		for (const address of ["ftp://localhost", "http://a:b@localhost", "http://local\thost"]) {
			expect(destinationFault(address, true)).toBeDefined();
		}
	});
});

describe("however it is written,", () => {
	const octet = fc.integer({ min: 0, max: 255 });
	const privateV4 = fc.oneof(
		fc.tuple(fc.constantFrom(10, 127, 0), octet, octet, octet),
		fc.tuple(fc.constant(192), fc.constant(168), octet, octet),
		fc.tuple(fc.constant(172), fc.integer({ min: 16, max: 31 }), octet, octet),
		fc.tuple(fc.constant(169), fc.constant(254), octet, octet),
		fc.tuple(fc.constant(100), fc.integer({ min: 64, max: 127 }), octet, octet),
	);
	const number = (base: "d" | "o" | "x", value: number) =>
		base === "d" ? String(value) : base === "o" ? `0${value.toString(8)}` : `0x${value.toString(16)}`;
	const base = fc.constantFrom("d" as const, "o" as const, "x" as const);

	/** The ways in which a browser reads the four octets: one to four parts, each decimal, octal or hexadecimal. */
	function spelled([a, b, c, d]: number[], bases: ("d" | "o" | "x")[], parts: number): string {
		const [w = 0, x = 0, y = 0, z = 0] = [a, b, c, d];
		const values = [
			[((w * 256 + x) * 256 + y) * 256 + z],
			[w, (x * 256 + y) * 256 + z],
			[w, x, y * 256 + z],
			[w, x, y, z],
		][parts - 1] as number[];
		return values.map((value, n) => number(bases[n] ?? "d", value)).join(".");
	}

	test("a private IPv4 address is refused", () => {
		const bases = fc.array(base, { minLength: 4, maxLength: 4 });
		fc.assert(
			fc.property(privateV4, bases, fc.integer({ min: 1, max: 4 }), fc.webPath(), (octets, written, parts, path) => {
				expect(refused(`http://${spelled(octets, written, parts)}${path}`)).toBe(true);
			}),
		);
	});

	test("a private IPv4 address inside an IPv6 address is refused", () => {
		fc.assert(
			fc.property(privateV4, fc.constantFrom("::ffff:", "::", "64:ff9b::"), ([a, b, c, d], prefix) => {
				expect(refused(`http://[${prefix}${a}.${b}.${c}.${d}]/`)).toBe(true);
			}),
		);
	});

	test("a name inside a network is refused, whatever its case and depth", () => {
		const end = fc.constantFrom("localhost", "local", "internal", "LocalHost", "LOCAL", "Internal.");
		fc.assert(
			fc.property(fc.domain(), end, (name, inside) => {
				expect(refused(`https://${name}.${inside}/`)).toBe(true);
			}),
		);
	});

	test("a public name is allowed with any path and query, and no address makes the check fail", () => {
		fc.assert(
			fc.property(fc.domain(), fc.webPath(), fc.webQueryParameters(), (name, path, query) => {
				const internal = /\.(local|internal|corp|home|lan|private|intranet|localdomain)$/.test(name);
				expect(refused(`https://${name}${path}?${query}`)).toBe(internal);
			}),
		);
		fc.assert(fc.property(fc.anything(), fc.boolean(), (value, allowed) => void destinationFault(value, allowed)));
		fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void destinationFault(`http://${text}`, false)));
	});
});
