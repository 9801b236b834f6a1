/**
 * The codes that this gateway knows: what a redirect is answered from without asking anybody. Loaded on first use with
 * one shared load, changed by broadcasts (a newer version wins, whatever comes first), looked after in the background
 * in case a broadcast was lost, and served as they were known while the codes actor is away.
 */

import { LRUCache } from "lru-cache";
import type { RoutableCode } from "../../contracts/code.ts";

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
	/** Age after which a code in use is asked for again, ms. @defaultValue 10,000 */
	readonly refreshMs?: number;
}

interface Entry {
	readonly code: RoutableCode;
	/** When it was last known to be so, ms of performance.now. */
	readonly at: number;
	/** Of an earlier start: good enough only while nobody can be asked. */
	readonly remembered?: true;
}

export class CodeDirectory {
	readonly #source: CodeSource;
	readonly #refreshMs: number;
	readonly #maxCodes: number;
	readonly #byId: LRUCache<string, Entry>;
	/** Ids by slug; a code keeps the slugs it had before, because they are printed. */
	readonly #idBySlug: LRUCache<string, string>;
	readonly #unknown: LRUCache<string, true>;
	readonly #loads = new Map<string, Promise<RoutableCode | null>>();
	/** Grows with each change heard, so that an answer older than the change does not call its code unknown. */
	#changes = 0;

	constructor(
		source: CodeSource,
		{ maxCodes = 50_000, maxUnknown = 50_000, unknownMs = 1_000, refreshMs = 10_000 }: DirectoryOptions = {},
	) {
		this.#source = source;
		this.#refreshMs = refreshMs;
		this.#maxCodes = maxCodes;
		this.#byId = new LRUCache({ max: maxCodes });
		this.#idBySlug = new LRUCache({ max: 2 * maxCodes });
		this.#unknown = new LRUCache({ max: maxUnknown, ttl: unknownMs });
	}

	/** How many codes are remembered. */
	get size(): number {
		return this.#byId.size;
	}

	/** What memory says of a slug: the code, null for a name that is known to be nobody's, undefined when it must be asked. */
	known(slug: string): RoutableCode | null | undefined {
		const entry = this.#entryOf(slug);
		if (entry && !entry.remembered) {
			this.#refreshWhenOld(entry);
			return entry.code;
		}
		return this.#unknown.has(slugKey(slug)) ? null : undefined;
	}

	/**
	 * The code behind a slug, deleted ones included; null when the slug was never used.
	 *
	 * @throws what the codes actor could not answer with, when memory does not know either.
	 */
	async resolve(slug: string): Promise<RoutableCode | null> {
		const known = this.known(slug);
		return known !== undefined ? known : this.#load(slugKey(slug), slug, () => this.#source.resolve(slug));
	}

	/** The code that an organisation names by id or slug; ids win. @throws as `resolve` does. */
	async route(organisation: string, reference: string): Promise<RoutableCode | null> {
		const key = idKey({ organisation, id: reference });
		const entry = this.#byId.get(key) ?? this.#entryOf(reference);
		if (entry && !entry.remembered && entry.code.organisation === organisation) {
			this.#refreshWhenOld(entry);
			return entry.code;
		}
		if (this.#unknown.has(key)) return null;
		return this.#load(key, reference, () => this.#source.route(organisation, reference));
	}

	/** Takes a code as it was told or read; what is older than what is known changes nothing. */
	apply(code: RoutableCode): void {
		this.#changes++;
		this.#unknown.delete(slugKey(code.slug));
		this.#unknown.delete(idKey(code));
		this.#unknown.delete(idKey({ organisation: code.organisation, id: code.slug }));
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
		this.#byId.set(key, { code, at: Number.NEGATIVE_INFINITY, remembered: true });
		this.#idBySlug.set(code.slug, key);
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
		this.#byId.set(key, { code: newest, at: performance.now() });
		this.#idBySlug.set(newest.slug, key);
		return newest;
	}

	#load(key: string, name: string, ask: () => Promise<RoutableCode | null>): Promise<RoutableCode | null> {
		const underWay = this.#loads.get(key);
		if (underWay) return underWay;
		const changes = this.#changes;
		const load = ask()
			.then((code) => {
				if (code) {
					if (name !== code.id) this.#idBySlug.set(name, idKey(code));
					return this.#remember(code);
				}
				if (changes === this.#changes) this.#unknown.set(key, true);
				return null;
			})
			.catch((error) => {
				const entry = this.#byId.get(key) ?? this.#entryOf(name);
				if (entry && (key === slugKey(name) || key === idKey({ ...entry.code, id: name }))) return entry.code;
				throw error;
			})
			.finally(() => this.#loads.delete(key));
		this.#loads.set(key, load);
		return load;
	}

	#refreshWhenOld({ code, at }: Entry): void {
		if (performance.now() - at < this.#refreshMs) return;
		// Tried at most once per age: while the codes actor is away, what is known goes on being true.
		this.#byId.set(idKey(code), { code, at: performance.now() });
		this.#load(slugKey(code.slug), code.slug, () => this.#source.resolve(code.slug)).catch(() => undefined);
	}
}

function slugKey(slug: string): string {
	return `/${slug}`;
}

function idKey({ organisation, id }: { organisation: string; id: string }): string {
	return `${organisation}/${id}`;
}
