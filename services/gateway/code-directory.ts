/**
 * The codes that this gateway knows: what a redirect is answered from without asking anybody. Filled by its keeper and
 * changed by broadcasts (a newer version wins, whatever comes first); what is not there is loaded with one shared load.
 * Codes are served as they were known while the codes actor is away, and names that are nobody's are asked for so seldom
 * that guessing them reaches no store.
 */

import { setTimeout as delay } from "node:timers/promises";
import { LRUCache } from "lru-cache";
import type { RoutableCode } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import { SingleFlight } from "../../platform/single-flight.ts";
import { TokenBuckets } from "./token-buckets.ts";

export interface CodeSource {
	/** The code behind a slug, or null when it was never used. */
	resolve(slug: string): Promise<RoutableCode | null>;
	/** The code that an organisation names by id or slug, or null. */
	route(organisation: string, reference: string): Promise<RoutableCode | null>;
}

export interface DirectoryOptions {
	/** Most codes remembered. @defaultValue 50,000 */
	readonly maxCodes?: number;
	/** Most unknown names remembered. @defaultValue 50,000 */
	readonly maxUnknown?: number;
	/** How long an unknown name is not asked for again, ms. @defaultValue 1,000 */
	readonly unknownMs?: number;
	/** Names a second that are asked for although every code is known: one may have been made this moment. @defaultValue 50 */
	readonly doubtsPerSecond?: number;
	/** Names a second that are asked for while there may be codes that are not known. @defaultValue 1,000 */
	readonly loadsPerSecond?: number;
	/** Longest wait for news of a code that is known from an earlier start, ms. @defaultValue 250 */
	readonly newsMs?: number;
}

interface Entry {
	readonly code: RoutableCode;
	/** Of an earlier start: good enough only while nobody can be asked. */
	readonly remembered?: true;
}

/** How long it is not tried again to hear more of what an earlier start knew, once nobody answered, ms. */
const AWAY_MS = 1_000;
/** Room for names of a code: the one it has, and those it had. */
const NAMES_PER_CODE = 4;
const EVERYBODY = "everybody";

export class CodeDirectory {
	readonly #source: CodeSource;
	readonly #maxCodes: number;
	readonly #newsMs: number;
	readonly #byId: LRUCache<string, Entry>;
	/** Ids by slug; a code keeps the slugs it had before, because they are printed. */
	readonly #idBySlug: LRUCache<string, string>;
	readonly #unknown: LRUCache<string, true>;
	readonly #doubts: TokenBuckets;
	readonly #loadBudget: TokenBuckets;
	readonly #loads = new SingleFlight<RoutableCode | null>();
	/** Grows with each change heard, so that an answer older than the change does not call its code unknown. */
	#changes = 0;
	/** Until when every code is known, ms of performance.now. */
	#allUntil = Number.NEGATIVE_INFINITY;
	#awayUntil = Number.NEGATIVE_INFINITY;

	constructor(source: CodeSource, options: DirectoryOptions = {}) {
		const { maxCodes = 50_000, maxUnknown = 50_000, unknownMs = 1_000 } = options;
		const { doubtsPerSecond = 50, loadsPerSecond = 1_000, newsMs = 250 } = options;
		this.#source = source;
		this.#maxCodes = maxCodes;
		this.#newsMs = newsMs;
		this.#byId = new LRUCache({ max: maxCodes });
		this.#idBySlug = new LRUCache({ max: NAMES_PER_CODE * maxCodes });
		this.#unknown = new LRUCache({ max: maxUnknown, ttl: unknownMs });
		this.#doubts = new TokenBuckets({ perSecond: doubtsPerSecond });
		this.#loadBudget = new TokenBuckets({ perSecond: loadsPerSecond });
	}

	/** How many codes are remembered. */
	get size(): number {
		return this.#byId.size;
	}

	/** Grows whenever something new was heard. */
	get changes(): number {
		return this.#changes;
	}

	/** What memory says of a slug: the code, null for a name that is known to be nobody's, undefined when it must be asked. */
	known(slug: string): RoutableCode | null | undefined {
		const entry = this.#entryOf(slug);
		if (entry && (!entry.remembered || performance.now() < this.#awayUntil)) return entry.code;
		return this.#unknown.has(slugKey(slug)) ? null : undefined;
	}

	/**
	 * The code behind a slug, deleted ones included; null when the slug was never used.
	 *
	 * @throws what the codes actor could not answer with, when memory does not know either; `overloaded` when too many
	 * unknown names were asked for.
	 */
	async resolve(slug: string): Promise<RoutableCode | null> {
		const known = this.known(slug);
		if (known !== undefined) return known;
		return this.#ask(slugKey(slug), slug, this.#entryOf(slug), () => this.#source.resolve(slug));
	}

	/** The code that an organisation names by id or slug; ids win. @throws as `resolve` does. */
	async route(organisation: string, reference: string): Promise<RoutableCode | null> {
		const key = idKey({ organisation, id: reference });
		const found = this.#byId.get(key) ?? this.#entryOf(reference);
		const entry = found?.code.organisation === organisation ? found : undefined;
		if (entry && (!entry.remembered || performance.now() < this.#awayUntil)) return entry.code;
		if (this.#unknown.has(key)) return null;
		return this.#ask(key, reference, entry, () => this.#source.route(organisation, reference));
	}

	/** Takes a code as it was told or read; what is older than what is known changes nothing. */
	apply(code: RoutableCode): void {
		for (const slug of namesOf(code)) {
			this.#unknown.delete(slugKey(slug));
			this.#unknown.delete(idKey({ organisation: code.organisation, id: slug }));
		}
		this.#unknown.delete(idKey(code));
		this.#remember(code);
	}

	/** Takes a code that nobody has asked for yet; false when there is no room for more of these. */
	fill(code: RoutableCode): boolean {
		if (this.#byId.size >= this.#maxCodes && !this.#byId.has(idKey(code))) return false;
		this.apply(code);
		return true;
	}

	/** Takes a code as an earlier start knew it: it is asked for before it is used, as long as somebody can be asked. */
	restore(code: RoutableCode): void {
		const key = idKey(code);
		if (this.#byId.has(key) || this.#byId.size >= this.#maxCodes) return;
		this.#byId.set(key, { code, remembered: true });
		for (const slug of namesOf(code)) this.#idBySlug.set(slug, key);
	}

	/** All codes that there are were read: for so long, ms, a name that is not known is hardly anybody's. */
	holdsAllFor(durationMs: number): void {
		if (this.#byId.size < this.#maxCodes) this.#allUntil = performance.now() + durationMs;
	}

	/** All that is remembered, deleted codes left out. */
	codes(): RoutableCode[] {
		return [...this.#byId.values()].map(({ code }) => code).filter(({ deleted }) => !deleted);
	}

	#entryOf(slug: string): Entry | undefined {
		const id = this.#idBySlug.get(slug);
		return id === undefined ? undefined : this.#byId.get(id);
	}

	#remember(code: RoutableCode): RoutableCode {
		const key = idKey(code);
		const held = this.#byId.peek(key);
		const newest = held && !held.remembered && held.code.version > code.version ? held.code : code;
		if (held?.code.version !== newest.version || held.remembered) this.#changes++;
		this.#byId.set(key, { code: newest });
		for (const slug of namesOf(newest)) this.#idBySlug.set(slug, key);
		return newest;
	}

	/** Asks for a name within the bounds; for news of an entry of an earlier start only for a moment. */
	async #ask(
		key: string,
		name: string,
		entry: Entry | undefined,
		ask: () => Promise<RoutableCode | null>,
	): Promise<RoutableCode | null> {
		if (!entry) return this.#mayAsk(key) ? this.#load(key, name, ask) : null;
		const answered = new AbortController();
		const late = delay(this.#newsMs, entry.code, { signal: answered.signal });
		late.then(() => this.#noAnswer()).catch(() => undefined);
		try {
			return await Promise.race([this.#load(key, name, ask).catch(() => entry.code), late]);
		} finally {
			answered.abort();
		}
	}

	/** False when the name is to be taken for nobody's. @throws `overloaded` when that cannot be said. */
	#mayAsk(key: string): boolean {
		if (this.#loads.has(key)) return true;
		const now = performance.now();
		// While nobody answers, a name that is not known may be of a code that was made just before.
		const knowsAll = now < this.#allUntil && now >= this.#awayUntil;
		const { allowed, resetMs } = (knowsAll ? this.#doubts : this.#loadBudget).take(EVERYBODY);
		if (allowed || knowsAll) return allowed;
		throw new CodedError("overloaded", "Too many unknown names are asked for", { retryAfterMs: Math.max(1, resetMs) });
	}

	#load(key: string, name: string, ask: () => Promise<RoutableCode | null>): Promise<RoutableCode | null> {
		return this.#loads.join(key, async () => {
			const changes = this.#changes;
			try {
				const code = await ask();
				this.#awayUntil = Number.NEGATIVE_INFINITY;
				if (code) {
					if (name !== code.id) this.#idBySlug.set(name, idKey(code));
					return this.#remember(code);
				}
				if (changes === this.#changes) this.#unknown.set(key, true);
				return null;
			} catch (error) {
				this.#noAnswer();
				throw error;
			}
		});
	}

	#noAnswer(): void {
		this.#awayUntil = performance.now() + AWAY_MS;
	}
}

function namesOf({ slug, aliases = [] }: RoutableCode): readonly string[] {
	return [slug, ...aliases];
}

function slugKey(slug: string): string {
	return `/${slug}`;
}

function idKey({ organisation, id }: { organisation: string; id: string }): string {
	return `${organisation}/${id}`;
}
