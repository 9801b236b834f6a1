/**
 * Which addresses a code may lead to. A redirect service that leads to whatever it is told is a tool for phishing with
 * hidden credentials and for reaching what is behind a scanner's own router, so such addresses are refused when they are
 * set. Names are not resolved: what a name means changes after it was checked.
 */

import { BlockList, isIP } from "node:net";

/** Longest address, characters, as given and as it is sent. */
const MOST = 2_048;

/** Names that only mean something inside a network, with everything below them. */
const INTERNAL_NAMES = [
	"localhost",
	"local",
	"localdomain",
	"internal",
	"intranet",
	"private",
	"corp",
	"home",
	"lan",
	"home.arpa",
];

const internal = new BlockList();
for (const [network, prefix] of [
	["0.0.0.0", 8],
	["10.0.0.0", 8],
	["100.64.0.0", 10],
	["127.0.0.0", 8],
	["169.254.0.0", 16],
	["172.16.0.0", 12],
	["192.0.0.0", 24],
	["192.168.0.0", 16],
	["198.18.0.0", 15],
	["224.0.0.0", 4],
	["240.0.0.0", 4],
] as const) {
	internal.addSubnet(network, prefix, "ipv4");
}
for (const [network, prefix] of [
	// Unspecified, loopback, and IPv4 addresses written as IPv6 in the ways that routers may undo.
	["::", 96],
	["::ffff:0:0:0", 96],
	["64:ff9b::", 96],
	["64:ff9b:1::", 48],
	["2002::", 16],
	["2001::", 32],
	// Unique local, link-local, the old site-local, multicast.
	["fc00::", 7],
	["fe80::", 10],
	["fec0::", 10],
	["ff00::", 8],
] as const) {
	internal.addSubnet(network, prefix, "ipv6");
}

/**
 * What an address should have been, or undefined when a code may lead to it.
 *
 * @param allowPrivate whether private, loopback and internal hosts will do
 */
export function destinationFault(address: unknown, allowPrivate: boolean): string | undefined {
	if (typeof address !== "string") return "an http or https address";
	if (address.length > MOST) return `an address of at most ${MOST} characters`;
	if (/\p{Cc}/u.test(address) || address !== address.trim()) return "an address without control characters or spaces";
	const url = URL.parse(address);
	if (!url || (url.protocol !== "http:" && url.protocol !== "https:")) return "an http or https address";
	if (url.href.length > MOST) return `an address of at most ${MOST} characters when it is encoded`;
	if (url.username !== "" || url.password !== "") return "an address without a user name or password";
	if (!allowPrivate && isInternal(url.hostname)) return "an address of a public host";
	return undefined;
}

/** Whether a host, as a parsed URL has it, is private, loopback or otherwise not of the public internet. */
function isInternal(hostname: string): boolean {
	const host = hostname.replace(/^\[|\]$/g, "");
	const kind = isIP(host);
	// An IPv4-mapped address is checked against the IPv4 networks.
	if (kind !== 0) return internal.check(host, kind === 4 ? "ipv4" : "ipv6");
	const name = host.replace(/\.+$/, "");
	return !name.includes(".") || INTERNAL_NAMES.some((end) => name === end || name.endsWith(`.${end}`));
}
