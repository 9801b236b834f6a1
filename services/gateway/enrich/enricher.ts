/**
 * Turns what came with a request into an accepted scan: complete in itself and anonymous. What the caller gave wins over
 * what can be told from address and user agent; what nobody said stays unknown.
 */

import type { AcceptedScan, Source } from "../../../contracts/scan.ts";
import { placementKey } from "../../../platform/placement-key.ts";
import { uuid7 } from "../uuid7.ts";
import type { GeoPlace, GeoTable } from "./geo.ts";
import { dimensionText, primaryLanguage, referrerHost } from "./text.ts";
import { type Agent, readUserAgent } from "./user-agent.ts";
import { hashVisitor, type Salts } from "./visitor.ts";

/** A scan as it came, by redirect or by API; texts are not cleaned yet. */
export interface RawScan extends GeoPlace {
	readonly id?: string;
	readonly at: number;
	readonly source: Source;
	readonly placement?: string;
	/** What the caller knows its visitor by. */
	readonly visitor?: string;
	readonly address?: string;
	readonly userAgent?: string;
	readonly referrer?: string;
	readonly language?: string;
	/** A request that nobody looks at, such as a prefetch. */
	readonly unseen?: boolean;
	readonly utm?: {
		readonly source?: string | null;
		readonly medium?: string | null;
		readonly campaign?: string | null;
	};
}

interface ScannedCode {
	readonly id: string;
	readonly organisation: string;
	readonly slug: string;
}

export class Enricher {
	readonly #salts: Salts;
	readonly #geo: GeoTable;

	constructor(salts: Salts, geo: GeoTable) {
		this.#salts = salts;
		this.#geo = geo;
	}

	/** False while visitors cannot be told apart for want of salts. */
	get knowsVisitors(): boolean {
		return this.#salts.held;
	}

	enrich(code: ScannedCode, raw: RawScan): AcceptedScan {
		const agent = this.agentOf(raw);
		const place = this.#placeOf(raw);
		return {
			id: raw.id ?? uuid7(Date.now()),
			ownId: raw.id === undefined ? undefined : true,
			organisation: code.organisation,
			code: code.id,
			slug: code.slug,
			at: raw.at,
			source: raw.source,
			device: agent.device,
			bot: agent.bot,
			os: agent.os,
			browser: agent.browser,
			country: place.country,
			region: dimensionText(place.region),
			city: dimensionText(place.city),
			lat: place.lat,
			lon: place.lon,
			language: primaryLanguage(raw.language),
			referrer: referrerHost(raw.referrer),
			placement: placementKey(raw.placement ?? ""),
			utm_source: dimensionText(raw.utm?.source),
			utm_medium: dimensionText(raw.utm?.medium),
			utm_campaign: dimensionText(raw.utm?.campaign),
			visitor: agent.bot ? undefined : this.visitorOf(code.organisation, raw),
		};
	}

	countryOf(address: string): string | undefined {
		return this.#geo(address).country;
	}

	agentOf({ userAgent, unseen }: RawScan): Agent {
		const agent = readUserAgent(userAgent);
		return unseen ? { ...agent, device: "bot", bot: true } : agent;
	}

	/** Undefined when nothing tells the visitor apart, or while there are no salts. */
	visitorOf(organisation: string, { at, visitor, address, userAgent }: RawScan): string | undefined {
		if (visitor === undefined && !address && !userAgent) return undefined;
		const salt = this.#salts.at(at);
		if (salt === undefined) return undefined;
		return hashVisitor(salt, organisation, visitor === undefined ? [address ?? "", userAgent ?? ""] : [visitor]);
	}

	#placeOf(raw: RawScan): GeoPlace {
		const found = raw.address ? this.#geo(raw.address) : {};
		const { country = found.country } = raw;
		const toldPlace =
			raw.region !== undefined || raw.city !== undefined || raw.lat !== undefined || raw.lon !== undefined;
		// The table's city belongs to the table's country, and one half of a place is not mixed with another's.
		const rest = toldPlace || country !== found.country ? raw : found;
		return { country, region: rest.region, city: rest.city, lat: rest.lat, lon: rest.lon };
	}
}
