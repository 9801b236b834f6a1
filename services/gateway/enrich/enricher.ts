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

	/** What can be told of a scan of this organisation; each thing is found out when it is first asked for. */
	read(organisation: string, raw: RawScan): Reading {
		return new Reading(organisation, raw, this.#salts, this.#geo);
	}

	enrich(code: ScannedCode, raw: RawScan): AcceptedScan {
		return this.scanOf(code, this.read(code.organisation, raw));
	}

	scanOf(code: ScannedCode, reading: Reading): AcceptedScan {
		const { raw, agent } = reading;
		const place = placeOf(raw, reading.foundPlace);
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
			language: reading.language,
			referrer: referrerHost(raw.referrer),
			placement: placementKey(raw.placement ?? ""),
			utm_source: dimensionText(raw.utm?.source),
			utm_medium: dimensionText(raw.utm?.medium),
			utm_campaign: dimensionText(raw.utm?.campaign),
			visitor: agent.bot ? undefined : reading.visitor,
		};
	}
}

/** What address, user agent and language of one request tell. Nothing is looked up twice, or without being asked for. */
export class Reading {
	readonly raw: RawScan;
	readonly agent: Agent;
	readonly #organisation: string;
	readonly #salts: Salts;
	readonly #geo: GeoTable;
	#place: GeoPlace | undefined;
	/** Null until asked for. */
	#visitor: string | undefined | null = null;

	constructor(organisation: string, raw: RawScan, salts: Salts, geo: GeoTable) {
		this.raw = raw;
		const agent = readUserAgent(raw.userAgent);
		this.agent = raw.unseen ? { ...agent, device: "bot", bot: true } : agent;
		this.#organisation = organisation;
		this.#salts = salts;
		this.#geo = geo;
	}

	/** Where the table says that the address is. */
	get foundPlace(): GeoPlace {
		this.#place ??= this.raw.address ? this.#geo(this.raw.address) : {};
		return this.#place;
	}

	/** Primary subtag, lower case. */
	get language(): string | undefined {
		return primaryLanguage(this.raw.language);
	}

	/** Undefined when nothing tells the visitor apart, or while there are no salts. */
	get visitor(): string | undefined {
		if (this.#visitor === null) this.#visitor = this.#hash();
		return this.#visitor;
	}

	#hash(): string | undefined {
		const { at, visitor, address, userAgent } = this.raw;
		if (visitor === undefined && !address && !userAgent) return undefined;
		const salt = this.#salts.at(at);
		if (salt === undefined) return undefined;
		const parts = visitor === undefined ? [address ?? "", userAgent ?? ""] : [visitor];
		return hashVisitor(salt, this.#organisation, parts);
	}
}

function placeOf(raw: RawScan, found: GeoPlace): GeoPlace {
	const { country = found.country } = raw;
	const toldPlace =
		raw.region !== undefined || raw.city !== undefined || raw.lat !== undefined || raw.lon !== undefined;
	// The table's city belongs to the table's country, and one half of a place is not mixed with another's.
	const rest = toldPlace || country !== found.country ? raw : found;
	return { country, region: rest.region, city: rest.city, lat: rest.lat, lon: rest.lon };
}
