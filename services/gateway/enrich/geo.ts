/**
 * Where an address is, from a table in memory: the bundled one knows countries, a MaxMind-format file of the operator
 * may know cities. The address goes nowhere.
 */

import { createRequire } from "node:module";
import { isIP } from "node:net";
import maxmind, { type Reader, type Response } from "maxmind";
import { Generations } from "../generations.ts";

export interface GeoPlace {
	readonly country?: string;
	readonly region?: string;
	readonly city?: string;
	readonly lat?: number;
	readonly lon?: number;
}

export type GeoTable = (address: string) => GeoPlace;

const require = createRequire(import.meta.url);
const MAX_REMEMBERED = 10_000;
const NETWORKS_REMEMBERED = 50_000;
const NETWORK_BITS = 24;
const NOWHERE: GeoPlace = {};

/** MaxMind's own layout, and the flat one of the freely licensed tables. */
interface Row {
	readonly country?: { readonly iso_code?: string };
	readonly country_code?: string;
	readonly subdivisions?: readonly { readonly names?: { readonly en?: string } }[];
	readonly state1?: string;
	readonly city?: string | { readonly names?: { readonly en?: string } };
	readonly location?: { readonly latitude?: number; readonly longitude?: number };
	readonly latitude?: number | string;
	readonly longitude?: number | string;
}

/**
 * Reads a table into memory.
 *
 * @param file a MaxMind-format file; the bundled country table when absent
 * @throws Error naming GEOIP_DB and its value when it cannot be read.
 */
export async function openGeoTable(file: string | undefined): Promise<GeoTable> {
	const path = file ?? require.resolve("@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb");
	let reader: Reader<Response>;
	try {
		reader = await maxmind.open(path, { cache: { max: MAX_REMEMBERED } });
	} catch (error) {
		throw new Error(
			`GEOIP_DB is ${JSON.stringify(path)}: expected a MaxMind-format file (${(error as Error).message})`,
		);
	}
	/** Of networks of 256 addresses that are all in one place, as almost all are: walking the table costs ten times as much. */
	const networks = new Generations<GeoPlace>(NETWORKS_REMEMBERED);
	return (address) => {
		const family = isIP(address);
		if (family === 0) return NOWHERE;
		const network = family === 4 ? address.slice(0, address.lastIndexOf(".")) : undefined;
		const known = network && networks.get(network);
		if (known) return known;
		const [row, prefixLength] = reader.getWithPrefixLength(address) as [Row | null, number];
		const place = row ? placeOf(row) : NOWHERE;
		if (network && prefixLength <= NETWORK_BITS) networks.set(network, place);
		return place;
	};
}

function placeOf(row: Row): GeoPlace {
	const country = row.country?.iso_code ?? row.country_code;
	return {
		country: country && /^[A-Z]{2}$/.test(country) ? country : undefined,
		region: textOf(row.subdivisions?.[0]?.names?.en ?? row.state1),
		city: textOf(typeof row.city === "string" ? row.city : row.city?.names?.en),
		lat: numberOf(row.location?.latitude ?? row.latitude),
		lon: numberOf(row.location?.longitude ?? row.longitude),
	};
}

function textOf(value: string | undefined): string | undefined {
	return value ? value.slice(0, 128) : undefined;
}

function numberOf(value: number | string | undefined): number | undefined {
	return value === undefined || value === "" || !Number.isFinite(Number(value)) ? undefined : Number(value);
}
