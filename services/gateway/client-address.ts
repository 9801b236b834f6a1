/**
 * Who asks, as far as the connection and trusted proxies tell. An address is used while its request is answered (country,
 * visitor, rate limit) and never written, sent or logged.
 */

import type { IncomingMessage } from "node:http";
import { isIP, isIPv6, SocketAddress } from "node:net";

/**
 * The client's address in its shortest form. With n trusted proxies it is the n-th from the right of `X-Forwarded-For`:
 * what stands left of that, the client may have made up.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: number): string {
	if (trustedProxies === 0) return directAddress(request);
	const header = request.headers["x-forwarded-for"];
	const hops = (Array.isArray(header) ? header.join(",") : (header ?? ""))
		.split(",")
		.filter((hop) => hop.trim() !== "");
	for (let index = Math.max(0, hops.length - trustedProxies); index < hops.length; index++) {
		const address = canonicalAddress(withoutPort((hops[index] as string).trim()));
		if (address) return address;
	}
	return directAddress(request);
}

function directAddress(request: IncomingMessage): string {
	return canonicalAddress(request.socket.remoteAddress ?? "") ?? "";
}

/** One spelling for one address: IPv4 in IPv6 as IPv4, IPv6 in its shortest form; undefined when it is no address. */
export function canonicalAddress(text: string): string | undefined {
	const family = isIP(text);
	if (family === 4) return text;
	if (family === 0) return undefined;
	const plain = new SocketAddress({ address: text.split("%", 1)[0] as string, family: "ipv6" }).address;
	const mapped = plain.startsWith("::ffff:") ? plain.slice("::ffff:".length) : "";
	return isIP(mapped) === 4 ? mapped : plain;
}

/** What a rate limit counts by: an IPv4 address, or the /64 of an IPv6 one, which is what one customer has. */
export function limitedNetwork(address: string): string {
	if (!address.includes(":") || !isIPv6(address)) return address;
	const [head = "", tail] = address.split("::");
	const before = head === "" ? [] : head.split(":");
	const after = tail ? tail.split(":").length : 0;
	const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after);
	return [...before, ...Array<string>(zeros).fill("0")].slice(0, 4).join(":");
}

/** Whether the client spoke TLS, to us or to a trusted proxy. */
export function isSecure(request: IncomingMessage, trustedProxies: number): boolean {
	if ("encrypted" in request.socket) return true;
	const forwarded = trustedProxies > 0 ? request.headers["x-forwarded-proto"] : undefined;
	return (
		String(forwarded ?? "")
			.split(",")
			.at(-1)
			?.trim() === "https"
	);
}

function withoutPort(hop: string): string {
	if (!hop.includes(":")) return hop;
	const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(hop);
	if (bracketed) return bracketed[1] as string;
	return hop.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, "$1");
}
