/**
 * Gives an actor answers through the cache actor: one load per key at a time, in this process also while the cache is
 * away, hot answers renewed in the background and just before they are expected to be asked for, and no failure of the
 * cache that the asker would notice.
 */

import { setTimeout as delay } from "node:timers/promises";
import { ConsecutiveBreaker, circuitBreaker, handleAll } from "cockatiel";
import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import type { CacheTier } from "../contracts/analytics.ts";
import {
	AHEAD_MS,
	type CacheReading,
	type Dependence,
	type KeptAnswer,
	type Lease,
	OPEN_ANSWER_MS,
} from "../contracts/cache.ts";
import { CodedError, codeOf, dataOf, type ErrorCode, type ErrorData } from "../contracts/errors.ts";
import { call, type EventsOf } from "../platform/actors.ts";
import { ReadAhead } from "./read-ahead.ts";

export interface CachedOptions {
	/** Longest to wait for the cache actor before the answer is loaded without it, ms. @defaultValue 250 */
	readonly timeoutMs?: number;
	/** Longest to wait for an answer that another process loads before it is loaded here as well, ms. @defaultValue 1000 */
	readonly patienceMs?: number;
}

/** An answer that was loaded, with what the cache must know of it. */
export interface Loaded<T> extends Pick<KeptAnswer, "asOf" | "depends"> {
	readonly value: T;
	readonly kind: "open" | "closed";
}

export interface Question<T> {
	/** Names everything that the answer depends on. */
	readonly key: string;
	/** Names what is alike: who asks such questions asks them again after about the same time. */
	readonly like: string;
	/** What a refusal depends on. */
	readonly refusal: Dependence;
	/** @param caller a context or broker to ask others with: of the request, or of nobody's in the background */
	load(caller: object): Promise<Loaded<T>>;
}

interface Served<T> {
	readonly value: T;
	readonly tier: CacheTier;
	/** The cache, or a tier of it that is configured, did not serve. */
	readonly degraded?: true;
}

export type CachedMethods = {
	/** @param caller a context or broker */
	cached<T>(caller: object, question: Question<T>): Promise<Served<T>>;
};

type Answered = Pick<KeptAnswer, "kind" | "depends"> & { readonly value: unknown };

interface Flight {
	readonly answer: Promise<Loaded<unknown>>;
	/** ms */
	readonly begunAt: number;
}

interface State {
	flights: Map<string, Flight>;
	readAhead: ReadAhead;
}

type Methods = CachedMethods & {
	askCache(key: string, purpose: "read" | "again" | "ahead"): Promise<CacheReading | undefined>;
	/** Loads once for all who ask for a key meanwhile, and hands the answer to the cache when there is a lease. */
	flight(caller: object, question: Question<unknown>, lease?: Lease): Promise<Loaded<unknown>>;
	/**
	 * The value that the cache had; loads it anew in the background when there is a lease.
	 *
	 * @throws the refusal that it had
	 */
	served(question: Question<unknown>, hit: CacheReading & { readonly state: "hit" }): unknown;
	/** What another loads, as soon as it is there. */
	elsewhere(caller: object, question: Question<unknown>): Promise<Answered>;
	expect(question: Question<unknown>, depends: Dependence): void;
	handOver(key: string, lease: Lease | undefined, answer?: KeptAnswer): void;
};

type This = Service & State & Methods;

/** Refusals that repeat themselves until something changes. */
const REMEMBERED: readonly (ErrorCode | undefined)[] = ["not_found", "too_broad"];
/** After so many failures in a row the cache is left alone for a while, ms. */
const FAILURES = 4;
const LEFT_ALONE_MS = 500;
/** A load that began longer ago is not joined: what it reads would be too old for who asks now, ms. */
const JOINED_MS = 1_000;
/** How often is asked whether another process has loaded an answer, ms. */
const AGAIN_MS = 25;

export function cached({ timeoutMs = 250, patienceMs = 1_000 }: CachedOptions = {}): Partial<ServiceSchema> {
	const breaker = circuitBreaker(handleAll, {
		breaker: new ConsecutiveBreaker(FAILURES),
		halfOpenAfter: LEFT_ALONE_MS,
	});

	const methods: Methods & ThisType<This> = {
		async cached<T>(caller: object, question: Question<T>) {
			const reading = await this.askCache(question.key, "read");
			const degraded = reading === undefined || reading.degraded ? { degraded: true as const } : {};
			if (reading?.state === "hit") {
				const value = this.served(question, reading) as T;
				if (reading.kind === "open") this.expect(question, reading.depends);
				return { value, tier: reading.tier, ...degraded };
			}
			const lease = reading?.state === "miss" ? reading.lease : undefined;
			const loaded =
				reading?.state === "loading" ? this.elsewhere(caller, question) : this.flight(caller, question, lease);
			const { value, kind, depends } = await loaded;
			if (kind === "open") this.expect(question, depends);
			return { value: value as T, tier: "miss", ...degraded };
		},

		async askCache(key, purpose) {
			return breaker
				.execute(() => call(this.broker, "cache.getCachedAnalytics", { key, purpose }, { timeout: timeoutMs }))
				.catch(() => undefined);
		},

		flight(caller, question, lease) {
			const { key } = question;
			const begunAt = performance.now();
			const present = this.flights.get(key);
			if (present && begunAt - present.begunAt < JOINED_MS) {
				this.handOver(key, lease);
				return present.answer;
			}
			const answer = question.load(caller).finally(() => {
				if (this.flights.get(key)?.answer === answer) this.flights.delete(key);
			});
			this.flights.set(key, { answer, begunAt });
			answer.then(
				({ value, ...loaded }) => {
					this.handOver(key, lease, { ...loaded, json: JSON.stringify(value), tookMs: performance.now() - begunAt });
				},
				(error: unknown) => this.handOver(key, lease, refusalFor(error, question.refusal)),
			);
			return answer;
		},

		served(question, { kind, json, lease }) {
			const { key } = question;
			// What is loaded now would be too old for the next who asks: it is made ready in time instead.
			if (kind === "open" && this.readAhead.restsFor(key, OPEN_ANSWER_MS, Date.now())) this.handOver(key, lease);
			else if (lease) this.flight(this.broker, question, lease).catch(() => undefined);
			if (kind === "refused") throw refusalOf(json);
			return JSON.parse(json);
		},

		async elsewhere(caller, question) {
			const end = performance.now() + patienceMs;
			while (performance.now() < end && !this.flights.has(question.key)) {
				await delay(AGAIN_MS);
				const reading = await this.askCache(question.key, "again");
				if (reading?.state === "hit") {
					const { kind, depends } = reading;
					return { value: this.served(question, reading), kind, depends };
				}
				if (reading?.state !== "loading") {
					return this.flight(caller, question, reading?.state === "miss" ? reading.lease : undefined);
				}
			}
			return this.flight(caller, question);
		},

		expect(question, depends) {
			const prepare = async () => {
				const reading = await this.askCache(question.key, "ahead");
				if (reading?.state === "miss") {
					await this.flight(this.broker, question, reading.lease).catch(() => undefined);
				}
			};
			const { key, like } = question;
			this.readAhead.read({ key, like, depends, prepare }, Date.now());
		},

		handOver(key, lease, answer) {
			if (!lease) return;
			// A cache that is away, or a lease that another took over, matters to nobody.
			call(
				this.broker,
				"cache.cacheAnalyticsData",
				{ key, lease, answer },
				{ timeout: timeoutMs, nodeID: lease.node },
			).catch(() => undefined);
		},
	};

	const events: EventsOf<This> = {
		"scans.committed": {
			handler({ params: { codes } }) {
				const byOrganisation = Map.groupBy(codes, ({ organisation }) => organisation);
				for (const [organisation, deltas] of byOrganisation) {
					this.readAhead.moved(
						organisation,
						deltas.map(({ code }) => code),
						Date.now(),
					);
				}
			},
		},
	};

	const schema: Partial<ServiceSchema<ServiceSettingSchema, Methods, State>> = {
		methods: methods as Methods & ServiceMethods & ThisType<This>,
		events,

		created() {
			this.flights = new Map();
			this.readAhead = new ReadAhead({ aheadMs: AHEAD_MS });
		},

		stopped() {
			this.readAhead.stop();
		},
	};
	return schema as Partial<ServiceSchema>;
}

function refusalFor(error: unknown, depends: Dependence): KeptAnswer | undefined {
	const type = codeOf(error);
	if (!REMEMBERED.includes(type)) return undefined;
	const json = JSON.stringify({ type, message: (error as Error).message, data: dataOf(error) });
	return { kind: "refused", json, asOf: Date.now(), depends, tookMs: 0 };
}

function refusalOf(json: string): CodedError {
	const { type, message, data } = JSON.parse(json) as { type: ErrorCode; message: string; data: ErrorData };
	return new CodedError(type, message, data);
}
