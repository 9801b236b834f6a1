/*
 * Everybody who scans during a run: phones that follow codes, and systems that post scans one by one and in batches, with
 * ids of their own and without. They repeat what real SDKs repeat: what was refused, and what was not answered when an id
 * makes that safe; now and then also what was acknowledged long ago. Each scan can be told from all others in the store.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Caller, type Question, type Reply } from "./ask.ts";
import { type Chance, chance } from "./random.ts";
import type { ScanRecord, SentScan } from "./record.ts";

export interface CrowdOptions {
	readonly url: string;
	readonly key: string;
	/** Slugs of codes that exist. */
	readonly slugs: readonly string[];
	readonly seed: number;
	readonly record: ScanRecord;
	/** Requests begun per second; a batch is one. */
	readonly rate: number;
	/** How long an answer is waited for, ms. @defaultValue 5000 */
	readonly answerTimeoutMs?: number;
	/**
	 * Nothing is killed, only stopped in order: who closes a connection without a word has taken nothing of what came on it,
	 * and is asked again, also for scans without ids. @defaultValue false
	 */
	readonly orderly?: boolean;
	/** Told of every answer that served who asked. */
	onServed?(kind: Served): void;
}

export type Served = "redirects" | "POSTs";

export interface Crowd {
	/** Scans that were acknowledged so far. */
	acknowledged(): number;
	/** What no server should have said. */
	readonly complaints: readonly string[];
	/** Asked again by id although an earlier answer had acknowledged it. */
	repeated(): number;
	/** Requests that were not served by asking once more. */
	noticed(): number;
	/** Begins no more scans, and goes on repeating for at most `timeoutMs`. */
	finish(timeoutMs: number): Promise<void>;
	/** Sends a few last scans, when it has finished, and closes the record. @returns their ids */
	last(timeoutMs: number): Promise<readonly string[]>;
}

/** Scans whose places share a group: as many as one answer of a breakdown can list. */
export const GROUP_SIZE = 250;

/** The group of a scan, and its name in the group: dimensions that nobody else uses. */
export const groupOf = (key: number): string => `g${Math.floor(key / GROUP_SIZE)}`;
export const nameOf = (key: number): string => `k${key}`;

const TICK_MS = 20;
const FIRST_REPEAT_MS = 150;
const LONGEST_REPEAT_MS = 1_500;
/** Beyond so many requests under way a client holds back. */
const MOST_OPEN = 500;
const LARGEST_BATCH = 24;
const OLDEST_DAYS = 40;
const DAY_MS = 86_400_000;
const REMEMBERED = 200;
const LAST_SCANS = 5;

const BOT = "Googlebot/2.1 (+http://www.google.com/bot.html)";
const phone = (version: number) =>
	`Mozilla/5.0 (Linux; Android ${version}; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile Safari/537.36`;

export function startCrowd(options: CrowdOptions): Crowd {
	const { url, key, slugs, seed, record, rate, answerTimeoutMs, orderly = false, onServed = () => undefined } = options;
	const caller = new Caller(url, key, answerTimeoutMs);
	const dice = chance(seed ^ 0x5ca11);
	const open = new Set<Promise<void>>();
	const complaints: string[] = [];
	const past: SentScan[] = [];
	const begun = performance.now();
	let [due, acknowledged, repeated, noticed] = [0, 0, 0, 0];
	let giveUpAt = Number.POSITIVE_INFINITY;

	const complain = (what: string) => {
		if (complaints.length < 50) complaints.push(what);
	};
	/** Undefined when nothing is known of what was asked. */
	const ask = (question: Question): Promise<Reply | undefined> =>
		caller.ask(question).catch(({ code = "" }: NodeJS.ErrnoException) => {
			const untouched = code === "ECONNREFUSED" || (orderly && CLOSED.includes(code));
			return untouched ? NOBODY_THERE : undefined;
		});
	const acknowledge = (scans: readonly SentScan[]) => {
		acknowledged += scans.length;
		record.became(scans, "acknowledged");
		past.push(...scans.filter(({ id }) => id !== undefined));
		if (past.length > REMEMBERED) past.splice(0, past.length - REMEMBERED);
	};

	async function follow(): Promise<void> {
		const code = dice.below(slugs.length);
		const [bot, source, agent] = [dice.next() < 0.05, dice.pick(["qr", "link"] as const), phone(5 + dice.below(10))];
		const visitor = bot ? undefined : `phone ${agent}`;
		const [scan] = record.sent([{ code, source, at: Date.now(), bot, visitor }]) as [SentScan];
		const tags = `utm_medium=${groupOf(scan.key)}&utm_campaign=${nameOf(scan.key)}`;
		const place = source === "qr" && dice.next() < 0.5 ? "/door" : "";
		const path = `/${source === "qr" ? "q" : "l"}/${slugs[code]}${place}?${tags}`;
		const once = () => ask({ method: "GET", path, headers: { "user-agent": bot ? BOT : agent } });
		const first = await once();
		const reply = orderly && first === NOBODY_THERE ? await once() : first;
		if (reply?.status === 302) onServed("redirects");
		else noticed++;
		if (reply?.status === 302 && reply.headers["x-scan-id"]) acknowledge([scan]);
		else record.became([scan], reply === undefined ? "unanswered" : reply.status === 302 ? "hurried" : "refused");
		if (reply && reply !== NOBODY_THERE && reply.status !== 302) complain(`a redirect was answered ${reply.status}`);
	}

	/**
	 * Sends scans until they are answered. Those without ids are not sent again when nothing was answered, but when they were
	 * refused: then nothing was taken, or they will be seen twice.
	 */
	async function post(scans: readonly SentScan[]): Promise<void> {
		const repeatable = scans.every(({ id }) => id !== undefined);
		for (let tries = 0; performance.now() < giveUpAt; tries++) {
			const reply = await ask(posted(scans));
			if (reply?.status === 202) return checked(scans, reply);
			if (tries === 1) noticed++;
			if (reply && !isPassing(reply)) return complain(`a POST was answered ${reply.status}: ${reply.body}`);
			if (reply === undefined && !repeatable) return record.became(scans, "unanswered");
			await delay(pauseAfter(tries, reply, dice));
		}
	}

	/** Sends what was acknowledged before once more: it must stay one scan. */
	async function repeat(): Promise<void> {
		if (past.length === 0) return;
		const scan = dice.pick(past);
		repeated++;
		const reply = await ask(posted([scan]));
		if (reply?.status === 202 && !reply.body.includes(`"${scan.id}"`))
			complain(`${scan.id} came back as ${reply.body}`);
	}

	function checked(scans: readonly SentScan[], { body }: Reply): void {
		const { id, ids = [id], rejected = [] } = JSON.parse(body) as { id?: string; ids?: string[]; rejected?: unknown[] };
		const kept = scans.every((scan, index) => ids[index] !== undefined && [undefined, ids[index]].includes(scan.id));
		if (rejected.length > 0 || ids.length !== scans.length || !kept) complain(`${scans.length} scans became ${body}`);
		acknowledge(scans);
		onServed("POSTs");
	}

	function posted(scans: readonly SentScan[]): Question {
		const bodies = scans.map(({ key, code, id, at, bot, visitor }) => ({
			code: slugs[code],
			id,
			at: new Date(at).toISOString(),
			visitor,
			userAgent: bot ? BOT : undefined,
			utm: { medium: groupOf(key), campaign: nameOf(key) },
		}));
		const [only] = bodies;
		return bodies.length === 1
			? { method: "POST", path: "/api/v1/scans", body: only }
			: { method: "POST", path: "/api/v1/scans/batch", body: { scans: bodies } };
	}

	function made(count: number, withIds: boolean): Omit<SentScan, "key">[] {
		return Array.from({ length: count }, () => {
			const bot = dice.next() < 0.05;
			const visitor = bot || dice.next() < 0.1 ? undefined : `visitor-${dice.below(400)}`;
			// Some systems hand in what happened while they had no network.
			const age = dice.next() < 0.12 ? Math.floor(dice.next() * OLDEST_DAYS * DAY_MS) : 0;
			const id = withIds ? crypto.randomUUID() : undefined;
			return { code: dice.below(slugs.length), source: "api", id, at: Date.now() - age, bot, visitor };
		});
	}

	function begin(): Promise<void> {
		const what = dice.next();
		if (what < 0.3) return follow();
		if (what < 0.4) return repeat();
		const count = what < 0.75 ? 1 : 2 + dice.below(LARGEST_BATCH - 1);
		return post(record.sent(made(count, dice.next() < 0.6)));
	}

	const track = (work: Promise<void>) => {
		const tracked = work
			.catch((error: Error) => complain(`the client failed: ${error.message}`))
			.finally(() => open.delete(tracked));
		open.add(tracked);
	};
	const timer = setInterval(() => {
		for (const until = ((performance.now() - begun) / 1_000) * rate; due < until; due++) {
			if (open.size < MOST_OPEN) track(begin());
		}
	}, TICK_MS);

	return {
		complaints,
		acknowledged: () => acknowledged,
		repeated: () => repeated,
		noticed: () => noticed,
		async finish(timeoutMs) {
			clearInterval(timer);
			giveUpAt = performance.now() + timeoutMs;
			while (open.size > 0) await Promise.all(open);
		},
		async last(timeoutMs) {
			giveUpAt = performance.now() + timeoutMs;
			const scans = record.sent(made(LAST_SCANS, true).map((scan) => ({ ...scan, at: Date.now() })));
			await post(scans);
			caller.close();
			record.close();
			return scans.map(({ id }) => id as string);
		},
	};
}

/** Where nobody listened nothing was taken. */
const NOBODY_THERE: Reply = { status: 0, headers: {}, body: "" };
const CLOSED = ["ECONNRESET", "EPIPE"];

/** Refusals that say "later". */
function isPassing({ status }: Reply): boolean {
	return status === NOBODY_THERE.status || status === 429 || status >= 500;
}

/** As long as the server asks for, within reason; else longer each time, and never in step with others. */
function pauseAfter(tries: number, reply: Reply | undefined, dice: Chance): number {
	const asked = Number(reply?.headers["retry-after"] ?? 0) * 1_000;
	const growing = Math.max(FIRST_REPEAT_MS * 2 ** Math.min(tries, 6), asked);
	return Math.min(LONGEST_REPEAT_MS, growing) * (0.5 + dice.next() / 2);
}
