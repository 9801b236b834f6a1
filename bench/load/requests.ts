/*
 * The requests of a load, as bytes: made once and sent again and again, so that making them costs the generator nothing
 * while it measures. They vary as those of a crowd do: addresses, phones, languages, placements, codes.
 */

export type RequestKind =
	/** Phones that scan codes. */
	| "redirects"
	/** Systems that post one scan a request. */
	| "scans"
	/** Systems that post many scans a request. */
	| "batches";

export interface RequestsOptions {
	readonly kind: RequestKind;
	/** Slugs of codes that exist. */
	readonly slugs: readonly string[];
	/** The key that scans are posted with. */
	readonly key: string;
	/** Scans of one request of `batches`. */
	readonly batch: number;
	/** @defaultValue 127.0.0.1 */
	readonly host?: string;
}

const REDIRECTS = 20_000;
const POSTS = 20_000;
/** Scans in all batches together. */
const BATCHED_SCANS = 100_000;
/** Stands in a batch for how often it was sent before; as wide as that number is written. */
export const TURN = "turn-0000";
const LANGUAGES = ["de-DE,de;q=0.9,en;q=0.8", "en-GB,en;q=0.9", "fr-FR,fr;q=0.9", "es-ES,es;q=0.9", "pl-PL"];
const PLACEMENTS = ["", "", "/door", "/table-4", "/poster-north"];

/** Every request as it goes over the wire. */
export function makeRequests({ kind, slugs, key, batch, host = "127.0.0.1" }: RequestsOptions): Buffer[] {
	switch (kind) {
		case "redirects":
			return Array.from({ length: REDIRECTS }, (_, n) => redirect(n, slugs, host));
		case "scans":
			return Array.from({ length: POSTS }, (_, n) => post("/api/v1/scans", key, host, scan(n, slugs)));
		case "batches":
			return Array.from({ length: Math.max(1, Math.floor(BATCHED_SCANS / batch)) }, (_, n) => {
				const scans = Array.from({ length: batch }, (_, index) => scan(n * batch + index, slugs));
				return post("/api/v1/scans/batch", key, host, { scans });
			});
	}
}

/** An address a request, so that no one's rate limit is reached, from all over the public IPv4 space. */
function address(n: number): string {
	const mixed = Math.imul(n + 1, 0x9e3779b1) >>> 0;
	return `${(mixed % 200) + 11}.${(mixed >>> 8) & 255}.${(mixed >>> 16) & 255}.${(mixed >>> 24) & 255}`;
}

function userAgent(n: number): string {
	const build = n % 40;
	return n % 3 === 0
		? `Mozilla/5.0 (Linux; Android ${10 + (build % 6)}; Pixel ${build % 9}) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/${100 + build}.0.0.0 Mobile Safari/537.36`
		: `Mozilla/5.0 (iPhone; CPU iPhone OS ${14 + (build % 5)}_${build % 7} like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/${14 + (build % 5)}.0 Mobile/15E148 Safari/604.1`;
}

function redirect(n: number, slugs: readonly string[], host: string): Buffer {
	const slug = slugs[n % slugs.length] as string;
	return Buffer.from(
		[
			`GET /q/${slug}${PLACEMENTS[n % PLACEMENTS.length]} HTTP/1.1`,
			`Host: ${host}`,
			`X-Forwarded-For: ${address(n)}`,
			`User-Agent: ${userAgent(n)}`,
			"Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
			`Accept-Language: ${LANGUAGES[n % LANGUAGES.length]}`,
			"Accept-Encoding: gzip, deflate, br",
			"\r\n",
		].join("\r\n"),
	);
}

/**
 * What a system knows of a scan; without an id, so that the same bytes sent again are another scan. One visitor in four is
 * the same every time, the others can be made new ones.
 */
function scan(n: number, slugs: readonly string[]) {
	return {
		code: slugs[n % slugs.length] as string,
		visitor: n % 4 === 0 ? `visitor-${n}` : `visitor-${TURN}-${n}`,
		userAgent: userAgent(n),
		country: ["DE", "FR", "GB", "PL", "ES"][n % 5],
		language: ["de", "fr", "en", "pl", "es"][n % 5],
		placement: `placement-${n % 6}`,
		referrer: n % 5 === 0 ? `https://shop-${n % 20}.example/page` : undefined,
	};
}

function post(path: string, key: string, host: string, body: unknown): Buffer {
	const text = JSON.stringify(body);
	const head = [
		`POST ${path} HTTP/1.1`,
		`Host: ${host}`,
		`Authorization: Bearer ${key}`,
		"Content-Type: application/json",
		`Content-Length: ${Buffer.byteLength(text)}`,
		"\r\n",
	];
	return Buffer.from(head.join("\r\n") + text);
}
