/*
 * A few thousand scans in a running product, around every instant at which counting is hard, and questions about them with
 * their answers by the slow count.
 */
import { expect } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { type Counted, dice, type Question } from "./counting.ts";
import { type Running, startRunning } from "./running.ts";

export const DAY_MS = 86_400_000;
export const SUMMARY = "/api/v1/analytics/summary";
export const SERIES = "/api/v1/analytics/timeseries";
export const HEATMAP = "/api/v1/analytics/heatmap";
export const BREAKDOWN = "/api/v1/analytics/breakdown";

export const ZONES = [
	...["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe"],
	...["Africa/Cairo", "America/Santiago", "Pacific/Apia", "Pacific/Chatham"],
];
const AGENTS: readonly [agent: string | undefined, device: string, bot: boolean][] = [
	[undefined, "other", false],
	[
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Mobile/15E148 Safari/604.1",
		"mobile",
		false,
	],
	["Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0", "desktop", false],
	["Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "bot", true],
];

export interface ManyScans {
	readonly running: Running;
	readonly codes: readonly Code[];
	readonly scans: readonly Counted[];
	/** Many questions of all kinds, the same in every run of one day. */
	questions(count: number, longestDays: number, seed: number): Question[];
}

/** A product in which all scans are counted. */
export async function startWithManyScans(): Promise<ManyScans> {
	const running = await startRunning();
	const codes = await Promise.all(["One", "Two", "Three"].map((name) => running.code({ name })));
	const scans = await postMany(running, codes);
	await running.complete(SUMMARY, {});
	return { running, codes, scans, questions: (...asked) => questions(codes, scans, ...asked) };
}

/** Where clocks change, in zones that do, in the last year: the instants around which counting is hardest. */
function changes(): number[] {
	const now = Temporal.Now.instant();
	return ZONES.flatMap((tz) => {
		const last = now.toZonedDateTimeISO(tz).getTimeZoneTransition("previous");
		const before = last?.getTimeZoneTransition("previous");
		return [last, before].flatMap((change) => (change ? [change.epochMilliseconds] : []));
	}).filter((at) => at > Date.now() - 380 * DAY_MS);
}

async function postMany(running: Running, codes: readonly Code[]): Promise<Counted[]> {
	const random = dice(7);
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
	const turns = changes();
	const now = Date.now() - 60_000;
	const made = Array.from({ length: 4_000 }, () => {
		// Near changes of the clocks, near midnights, in the last days, and anywhere in the year.
		const at = pick([
			() => pick(turns) + Math.floor((random() - 0.5) * 6 * 3_600_000),
			() => Math.floor(now / DAY_MS) * DAY_MS - pick([0, 1, 2, 30, 31]) * DAY_MS - pick([1, 0]),
			() => now - Math.floor(random() * 3 * DAY_MS),
			() => now - Math.floor(random() * 380 * DAY_MS),
		])();
		const code = pick(codes);
		const [userAgent, device, bot] = pick(AGENTS);
		const country = pick([undefined, "DE", "FR", "US"]);
		const language = pick([undefined, "de", "en"]);
		const placement = pick([undefined, "wall", "door", "table-1", "table-2", "table-3"]);
		const source = pick(["api", "qr", "link"]);
		const campaign = pick([undefined, "a", "b.c", "$d", "__proto__"]);
		const visitor = pick([undefined, "v1", "v2", "v3", "v4", "v5"]);
		return {
			at: Math.min(at, now),
			code,
			userAgent,
			device,
			bot,
			country,
			language,
			placement,
			source,
			campaign,
			visitor,
		};
	});
	for (let start = 0; start < made.length; start += 1_000) {
		const { accepted } = await running.admin.post<{ accepted: number }>("/api/v1/scans/batch", {
			scans: made.slice(start, start + 1_000).map(({ at, code, device: _, bot: __, campaign, ...scan }) => ({
				...scan,
				code: code.slug,
				at: new Date(at).toISOString(),
				utm: { campaign },
			})),
		});
		expect(accepted).toBe(Math.min(1_000, made.length - start));
	}
	const seen = new Set<string>();
	return made.map(({ at, code, device, bot, country, language, placement, source, campaign, visitor, userAgent }) => {
		// Without a visitor, a user agent alone tells one apart.
		const who = visitor ?? userAgent;
		const visit = `${code.id} ${new Date(at).toISOString().slice(0, 10)} ${visitor === undefined ? "agent" : "named"} ${who}`;
		const first = !bot && who !== undefined && !seen.has(visit);
		if (first) seen.add(visit);
		return {
			at,
			code: code.id,
			bot,
			first,
			values: { device, country, language, placement, source, utm_campaign: campaign },
		};
	});
}

/** A question as a query string; instants unless `dates`. */
export function queryOf(
	{ codes: asked, from, to, bots, filters = {} }: Question,
	more: Record<string, string> = {},
): string {
	const query = new URLSearchParams({ from: new Date(from).toISOString(), to: new Date(to).toISOString(), ...more });
	for (const code of asked ?? []) query.append("code", code);
	if (bots !== undefined) query.set("bots", String(bots));
	for (const [dimension, values] of Object.entries(filters))
		for (const value of values) query.append(`filter.${dimension}`, value);
	return query.toString();
}

/** Many questions of all kinds, the same in every run of one day. */
function questions(
	codes: readonly Code[],
	scans: readonly Counted[],
	count: number,
	longestDays: number,
	seed: number,
): Question[] {
	const random = dice(seed);
	const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
	const edges = [...scans.map(({ at }) => at), ...changes()];
	return Array.from({ length: count }, () => {
		const from = pick(edges) + pick([0, 0, 1, -1, -3_600_000]);
		const filter = pick<() => Question["filters"]>([
			() => undefined,
			() => ({ country: [pick(["DE", "(none)", "XX"])] }),
			() => ({ country: ["DE", "FR"], device: ["mobile", "bot"] }),
			() => ({ placement: ["(none)", "wall"], language: ["de"] }),
			() => ({ utm_campaign: [pick(["b.c", "$d", "__proto__"])] }),
			() => ({ code: [pick(codes).id, pick(codes).id] }),
		])();
		return {
			from,
			to: pick([
				() => from,
				() => from + 1,
				() => Math.max(from, pick(edges)),
				() => from + Math.floor(random() * longestDays * DAY_MS),
			])(),
			codes: pick<() => string[] | undefined>([
				() => undefined,
				() => [pick(codes).id],
				() => [pick(codes).id, pick(codes).id],
			])(),
			bots: pick([undefined, true, false]),
			filters: filter,
		};
	}).map((question) => ({ ...question, to: Math.min(question.to, question.from + longestDays * DAY_MS) }));
}
