/* Screens that look at one answer, in a time that the test moves. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { ReadAhead } from "../../mixins/read-ahead.ts";

const ORGANISATION = "org_1";
const CODE = "code_1";
const AHEAD_MS = 900;
const LIVE_MS = 1_400;
/** A screen asks so long after the first scan that it was told of since it asked last, ms. */
const LAG_MS = 3_000;
const ANSWER = { key: "answer", like: "lists", depends: { organisation: ORGANISATION, codes: [CODE] } };
const OPENED_EVERY_MS = 20_000;
/** Steps of the clock, ms. */
const STEP_MS = 10;

beforeEach(() => vi.useFakeTimers({ now: 1_000_000 }));
afterEach(() => vi.useRealTimers());

/** Numbers from 0 to 1 that are the same in each run. */
function chances(seed: number): () => number {
	let state = seed;
	return () => {
		state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
		return state / 2 ** 31;
	};
}

/** Screens that look at one answer; besides them somebody opens it now and then. Says of each read whether it was ready. */
function crowd(screens: number, scanEveryMs: number) {
	const readAhead = new ReadAhead({ aheadMs: AHEAD_MS });
	const chance = chances(7);
	let readyAt = Number.NEGATIVE_INFINITY;
	const asked: { readonly ready: boolean; readonly at: number }[] = [];
	const ask = () => {
		const at = Date.now();
		const ready = at - readyAt <= LIVE_MS;
		asked.push({ at, ready });
		const prepare = async () => {
			readyAt = Date.now();
		};
		// As the mixin does: what was not there is loaded, and what was there is loaded anew for those who come soon.
		if (!ready || !readAhead.restsFor(ANSWER.key, LIVE_MS, at)) readyAt = at;
		readAhead.read({ ...ANSWER, prepare }, at);
	};
	const told = Array.from({ length: screens }, () => false);
	let scanAt = Date.now();
	return {
		asked,
		stop: () => readAhead.stop(),
		/** They come one after the other, and ask again and again. */
		async run(seconds: number) {
			for (const n of told.keys()) setTimeout(ask, n * 700);
			const end = Date.now() + seconds * 1_000;
			for (let at = OPENED_EVERY_MS; at < seconds * 1_000; at += OPENED_EVERY_MS) setTimeout(ask, at);
			while (Date.now() < end) {
				if (Date.now() >= scanAt) {
					scanAt = Date.now() - Math.log(1 - chance()) * scanEveryMs;
					readAhead.moved(ORGANISATION, [CODE], Date.now());
					for (const [n, is] of told.entries()) {
						if (is) continue;
						told[n] = true;
						setTimeout(
							() => {
								told[n] = false;
								ask();
							},
							LAG_MS + chance() * 40,
						);
					}
				}
				await vi.advanceTimersByTimeAsync(STEP_MS);
			}
		},
	};
}

describe("answers that screens ask for some time after each scan", () => {
	test.each([
		{ screens: 2, scanEveryMs: 700, least: 0.85 },
		{ screens: 3, scanEveryMs: 1_500, least: 0.9 },
		{ screens: 5, scanEveryMs: 300, least: 0.95 },
		{ screens: 5, scanEveryMs: 4_000, least: 0.9 },
	])("are ready for each of $screens, with a scan every $scanEveryMs ms", async ({ screens, scanEveryMs, least }) => {
		const { asked, run, stop } = crowd(screens, scanEveryMs);
		const begun = Date.now();
		await run(300);
		const learned = asked.filter(({ at }) => at - begun > 30_000);
		const ready = learned.filter((each) => each.ready).length / learned.length;
		expect(ready).toBeGreaterThan(least);
		stop();
	});
});

describe("answers that screens ask for every so often", () => {
	/** Screens that each ask once a minute from when they are opened on; resolves to the share of reads found ready. */
	async function readsFoundReady(screens: number): Promise<number> {
		const readAhead = new ReadAhead({ aheadMs: AHEAD_MS });
		const chance = chances(11);
		let readyAt = Number.NEGATIVE_INFINITY;
		const asked: boolean[] = [];
		const prepare = async () => {
			readyAt = Date.now();
		};
		const ask = () => {
			asked.push(Date.now() - readyAt <= LIVE_MS);
			readAhead.read({ ...ANSWER, prepare }, Date.now());
			setTimeout(ask, 60_000 + chance() * 40);
		};
		for (let screen = 0; screen < screens; screen++) setTimeout(ask, chance() * 60_000);
		const scans = setInterval(() => readAhead.moved(ORGANISATION, [CODE], Date.now()), 7_000);
		await vi.advanceTimersByTimeAsync(10 * 60_000);
		const learned = asked.slice(3 * screens);
		clearInterval(scans);
		vi.clearAllTimers();
		readAhead.stop();
		return learned.filter((ready) => ready).length / learned.length;
	}

	test.each([1, 3, 8])("are ready for each of %i", async (screens) => {
		expect(await readsFoundReady(screens)).toBeGreaterThan(0.95);
	});

	test("are ready for all screens as soon as one has shown when it asks again", async () => {
		const readAhead = new ReadAhead({ aheadMs: AHEAD_MS });
		const made: string[] = [];
		const ask = (screen: number) => {
			const key = `code ${screen}`;
			const prepare = async () => void made.push(key);
			readAhead.read({ ...ANSWER, key, prepare }, Date.now());
		};
		for (let screen = 0; screen < 12; screen++) setTimeout(() => ask(screen), screen * 5_000);
		setTimeout(() => ask(0), 60_000);
		await vi.advanceTimersByTimeAsync(119_000);
		expect(made).toEqual(Array.from({ length: 11 }, (_, index) => `code ${index + 1}`));
		readAhead.stop();
	});

	test("are ready for a crowd of them once its like were seen to ask so", async () => {
		const readAhead = new ReadAhead({ aheadMs: AHEAD_MS });
		let made = 0;
		const prepare = async () => {
			made++;
		};
		const few = { ...ANSWER, key: "few", prepare };
		for (let minute = 0; minute < 3; minute++) {
			readAhead.read(few, Date.now());
			await vi.advanceTimersByTimeAsync(60_000);
		}
		made = 0;
		for (let screen = 0; screen < 60; screen++) {
			readAhead.read({ ...ANSWER, prepare }, Date.now());
			await vi.advanceTimersByTimeAsync(900);
		}
		await vi.advanceTimersByTimeAsync(60_000);
		expect(made).toBeGreaterThanOrEqual(60);
		readAhead.stop();
	});
});
