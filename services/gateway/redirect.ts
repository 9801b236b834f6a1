/**
 * The hot path: `GET /q/:slug(/:placement)` and `GET /l/:slug`, answered from memory. The scan gets a short while to
 * become durable, then the phone is sent on all the same; nothing that fails behind this keeps anybody waiting.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "moleculer";
import type { RoutableCode } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { Device } from "../../contracts/scan.ts";
import type { Config } from "../../platform/config.ts";
import type { RequestHandler } from "../../platform/http.ts";
import { clientAddress, limitedNetwork } from "./client-address.ts";
import type { CodeDirectory } from "./code-directory.ts";
import { chooseDestination, type Destination, type Traveller } from "./destination.ts";
import type { Enricher, RawScan, Reading } from "./enrich/enricher.ts";
import type { Ingest } from "./ingest.ts";
import { rateLimitHeaders } from "./limits.ts";
import { locationOf } from "./location.ts";
import { PAGES, type PageContent, sendPage } from "./pages.ts";
import { Patience } from "./patience.ts";
import { sendProblem } from "./problem.ts";
import { requestIdOf } from "./request-id.ts";
import { type Allowance, TokenBuckets } from "./token-buckets.ts";

export interface RedirectParts {
	readonly config: Pick<Config, "rateLimits" | "redirectPatienceMs" | "trustProxy">;
	readonly codes: CodeDirectory;
	readonly enricher: Enricher;
	readonly ingest: Ingest;
	readonly logger: Logger;
}

const REDIRECTS_PER_SECOND = 100;
const UNKNOWN_SLUGS_PER_SECOND = 10;
const METHODS = ["GET", "HEAD"];
const PATH = /^\/([ql])\/([^/?]*)(?:\/([^/?]*))?\/?(?:\?(.*))?$/s;
const SLUG = /^[A-Za-z0-9_-]{1,64}$/;

/** A request for a redirect, read. */
interface Asked {
	readonly request: IncomingMessage;
	readonly response: ServerResponse;
	/** Of the answer, whatever it will be; written with its head in one go. */
	readonly headers: Record<string, string>;
	readonly source: "qr" | "link";
	readonly slug: string;
	readonly placement: string | undefined;
	readonly query: string;
	readonly address: string;
	readonly network: string;
	readonly counted: boolean;
}

type Answerable = Pick<Asked, "response" | "headers" | "counted">;

/** Makes the handler; it leaves every path that is no code's to the next. */
export function redirectHandler(parts: RedirectParts): RequestHandler {
	const redirect = new Redirect(parts);
	return (request, response) => redirect.handle(request, response);
}

class Redirect {
	readonly #parts: RedirectParts;
	readonly #redirects = new TokenBuckets({ perSecond: REDIRECTS_PER_SECOND });
	readonly #unknownSlugs = new TokenBuckets({ perSecond: UNKNOWN_SLUGS_PER_SECOND });
	readonly #patience: Patience;

	constructor(parts: RedirectParts) {
		this.#parts = parts;
		this.#patience = new Patience({ ms: parts.config.redirectPatienceMs, isLate: () => parts.ingest.late });
	}

	handle(request: IncomingMessage, response: ServerResponse): boolean {
		const url = request.url ?? "";
		if (!url.startsWith("/q/") && !url.startsWith("/l/")) return false;
		const requestId = requestIdOf(request);
		const headers = { "X-Request-Id": requestId };
		if (!METHODS.includes(request.method ?? "")) {
			const allow = new CodedError("method_not_allowed", `Use ${METHODS.join(" or ")}`, { allow: METHODS });
			sendProblem(response, allow, requestId);
			return true;
		}
		const answerable: Answerable = { response, headers, counted: request.method === "GET" };
		const address = clientAddress(request, this.#parts.config.trustProxy);
		const network = limitedNetwork(address);
		if (!this.#allow(answerable, this.#redirects.take(network))) return true;
		const [, kind, slug = "", placement, query = ""] = PATH.exec(url) ?? [];
		if (!SLUG.test(slug) || (kind === "l" && placement)) {
			answerPage(answerable, PAGES.unknown);
			return true;
		}
		const source = kind === "q" ? "qr" : "link";
		const asked: Asked = {
			...{ request, response, headers, counted: answerable.counted },
			...{ source, slug, placement: decoded(placement), query, address, network },
		};
		const code = this.#parts.codes.known(slug);
		if (code) this.#answer(asked, code);
		else this.#look(asked, code);
		return true;
	}

	/** For slugs that memory does not have, or has as nobody's: those are limited more tightly. */
	#look(asked: Asked, known: null | undefined): void {
		if (!this.#allow(asked, this.#unknownSlugs.look(asked.network))) return;
		const found = known === null ? Promise.resolve(null) : this.#parts.codes.resolve(asked.slug);
		found.then(
			(code) => {
				if (!code) this.#unknownSlugs.take(asked.network);
				this.#answer(asked, code);
			},
			(error) => {
				this.#parts.logger.warn("A code could not be looked up", (error as Error).message);
				asked.headers["Retry-After"] = "1";
				answerPage(asked, PAGES.unavailable);
			},
		);
	}

	#answer(asked: Asked, code: RoutableCode | null): void {
		const reading = this.#parts.enricher.read(code?.organisation ?? "", rawScanOf(asked));
		const destination = chooseDestination(code, new Visit(reading));
		const page = pageFor(destination);
		if (page || !code) {
			answerPage(asked, page ?? PAGES.unknown);
			return;
		}
		const location = locationOf((destination as { url: string }).url, asked.query);
		if (destination.kind === "destination" && asked.counted) this.#countAndSendOn(asked, location, code, reading);
		else sendOn(asked, location);
	}

	#countAndSendOn(asked: Asked, location: string, code: RoutableCode, reading: Reading): void {
		const { ingest, enricher, logger } = this.#parts;
		const phone = new WaitingPhone(asked, location);
		try {
			const scan = enricher.scanOf(code, reading);
			ingest.accept([scan]).then(
				() => phone.sendOn(scan.id),
				(error: Error) => {
					// The phone is sent on all the same; the loss is counted where an operator sees it.
					ingest.countLoss();
					logger.error("A redirect's scan was lost", error.message);
					phone.sendOn();
				},
			);
			this.#patience.wait(phone);
		} catch (error) {
			ingest.countLoss();
			logger.error("A redirect's scan could not be made", error);
			phone.sendOn();
		}
	}

	/** Says what is left of a limit, and answers with a page when nothing is. */
	#allow(asked: Answerable, allowance: Allowance): boolean {
		if (!this.#parts.config.rateLimits) return true;
		Object.assign(asked.headers, rateLimitHeaders(allowance));
		if (allowance.allowed) return true;
		asked.headers["Retry-After"] = String(Math.max(1, Math.ceil(allowance.resetMs / 1_000)));
		answerPage(asked, PAGES.tooMany);
		return false;
	}
}

/** A phone that is sent on once. It holds its request only until then: patience outlasts most answers by far. */
class WaitingPhone {
	readonly #location: string;
	#asked: Asked | undefined;

	constructor(asked: Asked, location: string) {
		this.#asked = asked;
		this.#location = location;
	}

	/** @param scanId of a scan that is durable */
	sendOn(scanId?: string): void {
		const asked = this.#asked;
		if (!asked) return;
		this.#asked = undefined;
		sendOn(asked, this.#location, scanId);
	}
}

function answerPage({ response, headers, counted }: Answerable, page: PageContent): void {
	response.setHeaders(new Map(Object.entries(headers)));
	sendPage(response, page, counted);
}

/** What rules and variants look at, each found out only when one asks. */
class Visit implements Traveller {
	readonly #reading: Reading;

	constructor(reading: Reading) {
		this.#reading = reading;
	}

	get now(): number {
		return this.#reading.raw.at;
	}

	get device(): Device {
		return this.#reading.agent.device;
	}

	get os(): string | undefined {
		return this.#reading.agent.os;
	}

	get country(): string | undefined {
		return this.#reading.foundPlace.country;
	}

	get language(): string | undefined {
		return this.#reading.language;
	}

	get visitor(): string {
		const { raw, visitor } = this.#reading;
		return visitor ?? `${raw.address}\n${raw.userAgent}`;
	}
}

/** The page of a destination that has no address. */
function pageFor(destination: Destination): PageContent | undefined {
	if (destination.kind === "unknown") return PAGES.unknown;
	return destination.kind === "gone" && destination.url === undefined ? PAGES[destination.reason] : undefined;
}

function sendOn({ response, headers }: Answerable, location: string, scanId?: string): void {
	headers.Location = location;
	headers["Cache-Control"] = "private, no-store";
	headers["Content-Length"] = "0";
	if (scanId !== undefined) headers["X-Scan-Id"] = scanId;
	response.writeHead(302, headers).end();
}

function rawScanOf({ request: { headers }, source, placement, query, address }: Asked): RawScan {
	const utm = query.includes("utm_") ? new URLSearchParams(query) : undefined;
	return {
		at: Date.now(),
		source,
		placement,
		address,
		userAgent: headers["user-agent"],
		referrer: headers.referer,
		language: headers["accept-language"],
		unseen: [headers["sec-purpose"], headers.purpose, headers["x-moz"]].some((purpose) =>
			purpose?.includes("prefetch"),
		),
		utm: utm && { source: utm.get("utm_source"), medium: utm.get("utm_medium"), campaign: utm.get("utm_campaign") },
	};
}

function decoded(placement: string | undefined): string | undefined {
	if (!placement?.includes("%")) return placement;
	try {
		return decodeURIComponent(placement);
	} catch {
		return placement;
	}
}
