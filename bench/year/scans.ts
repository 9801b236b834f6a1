/*
 * A year of scans that look like a real organisation's, the same for the same seed, in order of time: nights are quiet,
 * Saturdays lively, the year grows, campaigns come and go and bring their own codes and parameters, bots come at any hour
 * and now and then all at once. Few codes have most scans; places, devices and languages hang together.
 */
import type { AcceptedScan, Device } from "../../contracts/scan.ts";
import { zipf } from "../load/zipf.ts";

export const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
export const YEAR_MS = 365 * DAY_MS;

export interface YearOptions {
	readonly organisation: string;
	readonly codes: readonly { readonly id: string; readonly slug: string }[];
	/** How many in all. */
	readonly scans: number;
	/** The year's end, epoch ms. */
	readonly until: number;
	readonly seed: number;
}

/** Scans by hour of the day, in UTC as by people a little to the east of it. */
const HOURS = [2, 1, 1, 1, 1, 2, 5, 9, 12, 14, 15, 18, 20, 17, 15, 15, 16, 19, 20, 17, 13, 9, 6, 4];
/** From Sunday on. */
const WEEKDAYS = [0.8, 0.9, 0.95, 1, 1.05, 1.2, 1.35];
const COUNTRIES = "DE AT CH FR NL IT ES PL US GB BE CZ DK SE NO FI PT IE HU RO GR TR CA AU BR MX JP KR IN ZA".split(
	" ",
);
const CITIES = 25;
const LANGUAGES: Readonly<Record<string, string>> = {
	AT: "de",
	CH: "de",
	GB: "en",
	US: "en",
	IE: "en",
	CA: "en",
	AU: "en",
};
const REFERRERS = Array.from({ length: 120 }, (_, n) => `site-${n}.example`);
const CAMPAIGNS = 14;
const BOTS = 0.03;

interface Campaign {
	readonly name: string;
	readonly from: number;
	readonly to: number;
	/** How many times as many scans there are. */
	readonly lift: number;
	readonly codes: readonly number[];
}

/** Numbers from 0 to 1 (mulberry32), the same for the same seed. */
function dice(seed: number): () => number {
	let state = seed | 0;
	return () => {
		state = (state + 0x6d2b79f5) | 0;
		let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
		mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
		return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
	};
}

/** Exactly as many as were asked for, in order of time. */
export function* yearOfScans({ organisation, codes, scans, until, seed }: YearOptions): Generator<AcceptedScan> {
	const random = dice(seed);
	const whole = (count: number) => Math.floor(random() * count);
	const anyCode = zipf(codes.length, random);
	const anyCountry = zipf(COUNTRIES.length, random);
	const anyCity = zipf(CITIES, random);
	const anyReferrer = zipf(REFERRERS.length, random);
	const start = until - YEAR_MS;
	const campaigns = Array.from({ length: CAMPAIGNS }, (_, n): Campaign => {
		const from = start + whole(YEAR_MS);
		const own = Array.from({ length: 5 }, () => whole(codes.length));
		return { name: `campaign-${n}`, from, to: from + (4 + whole(12)) * DAY_MS, lift: 0.4 + 1.5 * random(), codes: own };
	});
	const people = Math.max(100, Math.round(scans / 4));
	let made = 0;

	const human = (at: number, campaign: Campaign | undefined): AcceptedScan => {
		const code = codes[campaign ? (campaign.codes[whole(campaign.codes.length)] as number) : anyCode()];
		const source = random() < 0.82 ? "qr" : random() < 0.8 ? "link" : "api";
		const country = COUNTRIES[anyCountry()] as string;
		const city = random() < 0.9 ? anyCity() : undefined;
		const placements =
			((code?.slug.length ?? 0) + (code?.slug.charCodeAt(0) ?? 0) + (code?.slug.at(-1)?.charCodeAt(0) ?? 0)) % 8;
		const placement = source === "qr" && random() < 0.7 ? `place-${whole(1 + placements)}` : undefined;
		return {
			...{
				id: idOf(at, made, random),
				organisation,
				code: code?.id ?? "",
				slug: code?.slug ?? "",
				at,
				source,
				bot: false,
			},
			...agent(random),
			...{ country, region: city === undefined ? undefined : `${country}-${city % 6}` },
			...{ city: city === undefined ? undefined : `City ${country} ${city}` },
			language: random() < 0.85 ? (LANGUAGES[country] ?? country.toLowerCase()) : "en",
			referrer: source === "link" && random() < 0.7 ? REFERRERS[anyReferrer()] : undefined,
			placement,
			...(campaign && { utm_source: `source-${whole(6)}`, utm_medium: source === "qr" ? "print" : "social" }),
			utm_campaign: campaign?.name,
			// Known by a hash under the salt of the day.
			visitor: hashOf(whole(people), Math.floor(at / DAY_MS)),
		};
	};
	const crawler = (at: number): AcceptedScan => {
		const code = codes[whole(codes.length)];
		return {
			...{ id: idOf(at, made, random), organisation, code: code?.id ?? "", slug: code?.slug ?? "", at },
			...{ source: "link", device: "bot", bot: true, os: "Linux", browser: `Crawler ${whole(5)}`, country: "US" },
			visitor: undefined,
		};
	};

	const hours = Math.ceil(YEAR_MS / HOUR_MS);
	const weights = Array.from({ length: hours }, (_, hour) => {
		const at = start + hour * HOUR_MS;
		const date = new Date(at);
		const rhythm = (HOURS[date.getUTCHours()] as number) * (WEEKDAYS[date.getUTCDay()] as number);
		const running = campaigns.filter(({ from, to }) => at >= from && at < to);
		const lift = running.reduce((sum, campaign) => sum + campaign.lift, 1);
		return { running, lift, weight: rhythm * (0.6 + (0.8 * hour) / hours) * lift * (0.8 + 0.4 * random()) };
	});
	const all = weights.reduce((sum, { weight }) => sum + weight, 0);
	let passed = 0;
	for (const [hour, { running, lift, weight }] of weights.entries()) {
		passed += weight;
		const due = hour === hours - 1 ? scans : Math.round((scans * passed) / all);
		const crawled = random() < 0.01;
		const instants = Array.from({ length: due - made }, () => start + hour * HOUR_MS + whole(HOUR_MS)).sort(
			(a, b) => a - b,
		);
		for (const at of instants) {
			made++;
			if (random() < (crawled ? 0.6 : BOTS)) yield crawler(at);
			else yield human(at, random() < 1 - 1 / lift ? running[whole(running.length)] : undefined);
		}
	}
}

function agent(random: () => number): { device: Device; os: string; browser: string } {
	const [kind, choice] = [random(), random()];
	if (kind < 0.45) return { device: "mobile", os: "iOS", browser: choice < 0.85 ? "Safari" : "Chrome" };
	if (kind < 0.82) return { device: "mobile", os: "Android", browser: choice < 0.8 ? "Chrome" : "Samsung Internet" };
	if (kind < 0.87)
		return { device: "tablet", os: choice < 0.7 ? "iOS" : "Android", browser: choice < 0.7 ? "Safari" : "Chrome" };
	const os = choice < 0.65 ? "Windows" : choice < 0.9 ? "macOS" : "Linux";
	return { device: "desktop", os, browser: random() < 0.6 ? "Chrome" : random() < 0.5 ? "Firefox" : "Edge" };
}

/** A UUID of version 7, as gateways give them. */
function idOf(at: number, number: number, random: () => number): string {
	const time = at.toString(16).padStart(12, "0");
	const low = Math.floor(random() * 2 ** 28)
		.toString(16)
		.padStart(7, "0");
	const rest = `7${low.slice(0, 3)}-8${low.slice(3, 6)}-${low[6]}${number.toString(16).padStart(11, "0")}`;
	return `${time.slice(0, 8)}-${time.slice(8)}-${rest}`;
}

/** 22 characters of base64url, as long as the product's. */
function hashOf(person: number, day: number): string {
	const bytes = Buffer.allocUnsafe(16);
	let state = Math.imul(person + 1, 0x9e3779b1) ^ Math.imul(day + 1, 0x85ebca6b);
	for (let word = 0; word < 4; word++) {
		state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + person + word;
		bytes.writeInt32LE(state | 0, 4 * word);
	}
	return bytes.toString("base64url");
}
