/**
 * The hot path: `GET /q/:slug(/:placement)` and `GET /l/:slug`, answered from memory. The scan gets a short while to
 * become durable, then the phone is sent on all the same; nothing that fails behind this keeps anybody waiting.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Logger } from "moleculer";
import type { RoutableCode } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { Config } from "../../platform/config.ts";
import type { RequestHandler } from "../../platform/http.ts";
import { clientAddress, limitedNetwork } from "./client-address.ts";
import type { CodeDirectory } from "./code-directory.ts";
import { chooseDestination, type Destination } from "./destination.ts";
import type { Enricher, RawScan } from "./enrich/enricher.ts";
import { primaryLanguage } from "./enrich/text.ts";
import type { Ingest } from "./ingest.ts";
import { setRateLimitHeaders } from "./limits.ts";
import { locationOf } from "./location.ts";
import { PAGES, type PageContent, sendPage } from "./pages.ts";
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
	readonly source: "qr" | "link";
	readonly placement: string | undefined;
	readonly query: string;
	readonly address: string;
	readonly counted: boolean;
}

/** Makes the handler; it leaves every path that is no code's to the next. */
export function redirectHandler(parts: RedirectParts): RequestHandler {
	const redirect = new Redirect(parts);
	return (request, response) => redirect.handle(request, response);
}

class Redirect {
	readonly #parts: RedirectParts;
	readonly #redirects = new TokenBuckets({ perSecond: REDIRECTS_PER_SECOND });
	readonly #unknownSlugs = new TokenBuckets({ perSecond: UNKNOWN_SLUGS_PER_SECOND });

	constructor(parts: RedirectParts) {
		this.#parts = parts;
	}

	handle(request: IncomingMessage, response: ServerResponse): boolean {
		const url = request.url ?? "";
		if (!url.startsWith("/q/") && !url.startsWith("/l/")) return false;
		const requestId = requestIdOf(request);
		response.setHeader("X-Request-Id", requestId);
		if (!METHODS.includes(request.method ?? "")) {
			const allow = new CodedError("method_not_allowed", `Use ${METHODS.join(" or ")}`, { allow: METHODS });
			sendProblem(response, allow, requestId);
			return true;
		}
		const withBody = request.method === "GET";
		const network = limitedNetwork(clientAddress(request, this.#parts.config.trustProxy));
		if (!this.#allow(response, this.#redirects.take(network), withBody)) return true;
		const [, kind, slug = "", placement, query = ""] = PATH.exec(url) ?? [];
		if (!SLUG.test(slug) || (kind === "l" && placement)) {
			sendPage(response, PAGES.unknown, withBody);
			return true;
		}
		const asked: Asked = {
			request,
			response,
			source: kind === "q" ? "qr" : "link",
			placement: decoded(placement),
			query,
			address: clientAddress(request, this.#parts.config.trustProxy),
			counted: withBody,
		};
		const code = this.#parts.codes.known(slug);
		if (code) this.#answer(asked, code);
		else this.#look(asked, slug, code, network);
		return true;
	}

	/** For slugs that memory does not have, or has as nobody's: those are limited more tightly. */
	#look(asked: Asked, slug: string, known: null | undefined, network: string): void {
		if (!this.#allow(asked.response, this.#unknownSlugs.look(network), asked.counted)) return;
		const found = known === null ? Promise.resolve(null) : this.#parts.codes.resolve(slug);
		found.then(
			(code) => {
				if (!code) this.#unknownSlugs.take(network);
				this.#answer(asked, code);
			},
			(error) => {
				this.#parts.logger.warn("A code could not be looked up", (error as Error).message);
				asked.response.setHeader("Retry-After", "1");
				sendPage(asked.response, PAGES.unavailable, asked.counted);
			},
		);
	}

	#answer(asked: Asked, code: RoutableCode | null): void {
		const { enricher } = this.#parts;
		const raw = rawScanOf(asked);
		const agent = enricher.agentOf(raw);
		const destination = chooseDestination(code, {
			now: raw.at,
			device: agent.device,
			os: agent.os,
			country: enricher.countryOf(asked.address),
			language: primaryLanguage(raw.language),
			visitor: (code && enricher.visitorOf(code.organisation, raw)) ?? `${asked.address}\n${raw.userAgent}`,
		});
		const page = pageFor(destination);
		if (page || !code) {
			sendPage(asked.response, page ?? PAGES.unknown, asked.counted);
			return;
		}
		const location = locationOf((destination as { url: string }).url, asked.query);
		if (destination.kind === "destination" && asked.counted) {
			void this.#countAndSendOn(asked.response, location, code, raw);
		} else sendOn(asked.response, location);
	}

	async #countAndSendOn(response: ServerResponse, location: string, code: RoutableCode, raw: RawScan): Promise<void> {
		const { ingest, enricher, config, logger } = this.#parts;
		let id: string | undefined;
		try {
			const scan = enricher.enrich(code, raw);
			const durable = ingest.accept([scan]).then(
				() => true,
				(error: Error) => {
					// The phone is sent on all the same; the loss is counted where an operator sees it.
					ingest.countLoss();
					logger.error("A redirect's scan was lost", error.message);
					return false;
				},
			);
			if (await within(durable, config.redirectPatienceMs)) id = scan.id;
		} catch (error) {
			ingest.countLoss();
			logger.error("A redirect's scan could not be made", error);
		}
		sendOn(response, location, id);
	}

	/** Says what is left of a limit, and answers with a page when nothing is. */
	#allow(response: ServerResponse, allowance: Allowance, withBody: boolean): boolean {
		if (!this.#parts.config.rateLimits) return true;
		setRateLimitHeaders(response, allowance);
		if (allowance.allowed) return true;
		response.setHeader("Retry-After", String(Math.max(1, Math.ceil(allowance.resetMs / 1_000))));
		sendPage(response, PAGES.tooMany, withBody);
		return false;
	}
}

/** The page of a destination that has no address. */
function pageFor(destination: Destination): PageContent | undefined {
	if (destination.kind === "unknown") return PAGES.unknown;
	return destination.kind === "gone" && destination.url === undefined ? PAGES[destination.reason] : undefined;
}

function sendOn(response: ServerResponse, location: string, scanId?: string): void {
	const headers: Record<string, string> = {
		Location: location,
		"Cache-Control": "private, no-store",
		"Content-Length": "0",
	};
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

/** Whether it came true within the patience; with none, only what is true already would do, and nothing is. */
function within(outcome: Promise<boolean>, patienceMs: number): Promise<boolean> {
	if (patienceMs === 0) return Promise.resolve(false);
	return new Promise((resolve) => {
		const timer = setTimeout(() => resolve(false), patienceMs);
		void outcome.then((durable) => {
			clearTimeout(timer);
			resolve(durable);
		});
	});
}

function decoded(placement: string | undefined): string | undefined {
	if (!placement?.includes("%")) return placement;
	try {
		return decodeURIComponent(placement);
	} catch {
		return placement;
	}
}
