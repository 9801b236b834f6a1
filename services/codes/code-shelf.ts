/**
 * Keeps the codes: creates, finds, lists and edits them. An edit is made on the version that it was made for, or made
 * again; its history entry is written with it and copied to the history, so that neither is there without the other.
 */

import type { Result } from "../../contracts/actions.ts";
import type { Annotations } from "../../contracts/analytics.ts";
import type { CodeChanges, Page } from "../../contracts/code.ts";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import { type EntityCollection, type EntityQuery, isTaken } from "../../mixins/entity-collection.ts";
import { readChanges, readCode } from "./code-input.ts";
import { type CodeEdit, deleted, edited, newCode, routableCode, type StoredCode } from "./stored-code.ts";

/** How often a generated slug may be taken before something else must be wrong. */
const SLUG_TRIES = 8;
/** How often an edit may meet another one. */
const EDIT_TRIES = 20;
/** How many names one question may ask for in one read. */
const NAMES_AT_ONCE = 500;
/** Most edits that a chart can show. */
const MOST_ANNOTATIONS = 1_000;
const SORTS = ["createdAt", "updatedAt", "name", "slug"];

export interface ShelfOptions {
	readonly codes: EntityCollection<StoredCode>;
	readonly history: EntityCollection<CodeEdit>;
	readonly allowPrivate: boolean;
	/** The scans counted of a code so far, or undefined when that cannot be known now. */
	countOf(code: StoredCode): Promise<number | undefined>;
	/** Hears of every code that was made or changed. */
	onChange(code: StoredCode): void;
	/** Hears of an edit that could not be copied to the history now; the next edit does it. */
	onTrouble(error: unknown): void;
}

export interface Listing {
	readonly organisation: string;
	readonly search?: string;
	readonly tag?: string;
	readonly active?: boolean;
	readonly page: number;
	readonly pageSize: number;
	readonly sort?: string;
}

export class CodeShelf {
	readonly #options: ShelfOptions;
	readonly #codes: EntityCollection<StoredCode>;

	constructor(options: ShelfOptions) {
		this.#options = options;
		this.#codes = options.codes;
	}

	/** @throws `invalid`, `slug_taken`. */
	async create(organisation: string, input: unknown, by: string): Promise<StoredCode> {
		const read = readCode(input, this.#options.allowPrivate);
		for (let attempt = 1; ; attempt++) {
			const code = newCode(organisation, read, by, new Date().toISOString());
			try {
				await this.#codes.insert(code);
			} catch (error) {
				if (!isTaken(error)) throw error;
				if (read.slug === undefined && attempt < SLUG_TRIES) continue;
				throw slugTaken(code.slug);
			}
			this.#options.onChange(code);
			await this.#remember(code);
			return code;
		}
	}

	/** @throws `not_found`, also for another organisation's code and a deleted one. */
	async get(organisation: string, id: string): Promise<StoredCode> {
		const code = await this.#codes.first({ id, organisation, deleted: false });
		if (!code) throw new CodedError("not_found", `There is no code ${JSON.stringify(id)}`);
		return code;
	}

	/** @throws `invalid` for a sort that there is not. */
	async list({ organisation, search, tag, active, page, pageSize, sort }: Listing): Promise<Page<StoredCode>> {
		const selection = {
			query: {
				organisation,
				deleted: false,
				...(tag === undefined ? {} : { tags: tag }),
				...(active === undefined ? {} : { active }),
			},
			search: search?.trim(),
			searchFields: ["name", "slug", "url", "tags"],
		};
		const [rows, total] = await Promise.all([
			this.#codes.find({ ...selection, sort: sortField(sort), offset: (page - 1) * pageSize, limit: pageSize }),
			this.#codes.count(selection),
		]);
		return { rows, total, page, pageSize };
	}

	/** @throws `invalid`, `not_found`, `slug_taken`. */
	async update(organisation: string, id: string, changes: CodeChanges, by: string): Promise<StoredCode> {
		const read = readChanges(changes, this.#options.allowPrivate);
		return this.#edit(organisation, id, async (found) => {
			const limited = typeof read.maxScans === "number";
			const scansSeen = limited
				? Math.max(found.scansSeen, (await this.#options.countOf(found)) ?? 0)
				: found.scansSeen;
			return edited({ ...found, scansSeen }, read, by, new Date().toISOString());
		});
	}

	/** @throws `not_found`. */
	async remove(organisation: string, id: string, by: string): Promise<void> {
		await this.#edit(organisation, id, async (code) => deleted(code, by, new Date().toISOString()));
	}

	/** Notes the scans of a code with `maxScans`; once they have reached it, it is used up. */
	async countedTo(id: string, scans: number): Promise<void> {
		for (let attempt = 1; attempt <= EDIT_TRIES; attempt++) {
			const code = await this.#codes.get(id);
			if (!code || code.deleted || code.usedUp || code.maxScans === undefined || scans < code.maxScans) return;
			const set = { usedUp: true, scansSeen: scans, version: code.version + 1, changedAt: Date.now() };
			if ((await this.#codes.change({ id, version: code.version }, { set })) > 0) {
				this.#options.onChange({ ...code, ...set });
				return;
			}
		}
	}

	/** The code that has or had a slug, deleted ones included. */
	bySlug(slug: string): Promise<StoredCode | null> {
		return this.#codes.first({ slugs: slug });
	}

	/** By id or slug within an organisation, deleted ones included; ids win. */
	async byReference(organisation: string, reference: string): Promise<StoredCode | null> {
		return (
			(await this.#codes.first({ id: reference, organisation })) ??
			(await this.#codes.first({ slugs: reference, organisation }))
		);
	}

	/** Codes of all organisations in the order of their ids, changed at or after `since` when given. */
	async routes(after: string | undefined, since: number | undefined, limit: number): Promise<Result<"codes.routes">> {
		const at = Date.now();
		const query = {
			...(after === undefined ? {} : { id: { $gt: after } }),
			// Last, because of two conditions the file adapter takes the index of the last.
			...(since === undefined ? {} : { changedAt: { $gte: since } }),
		};
		const found = await this.#codes.find({ query, limit: limit + 1 });
		const codes = found.slice(0, limit);
		return { codes: codes.map(routableCode), next: found.length > limit ? (codes.at(-1)?.id ?? null) : null, at };
	}

	async names(organisation: string, ids: readonly string[]): Promise<Record<string, { name: string; slug: string }>> {
		const names: Record<string, { name: string; slug: string }> = {};
		for (let start = 0; start < ids.length; start += NAMES_AT_ONCE) {
			const query = { id: { $in: ids.slice(start, start + NAMES_AT_ONCE) }, organisation };
			for (const { id, name, slug } of await this.#codes.find({ query })) names[id] = { name, slug };
		}
		return names;
	}

	/** The newest changes of `url` within `[from, to)`. */
	async destinationEdits(
		organisation: string,
		codes: readonly string[] | undefined,
		from: string,
		to: string,
	): Promise<Annotations> {
		const query = {
			organisation,
			action: "updated",
			"fields.url": { $exists: true },
			at: { $gte: new Date(from).toISOString(), $lt: new Date(to).toISOString() },
			...(codes === undefined ? {} : { code: { $in: codes } }),
		};
		const found = await this.#options.history.find({ query, sort: "-at", limit: MOST_ANNOTATIONS + 1 });
		const newest = found.slice(0, MOST_ANNOTATIONS).sort(inOrder);
		return {
			annotations: newest.map(({ at, code, fields }) => ({ at, code, url: String(fields.url?.after) })),
			...(found.length > newest.length && { annotationsAfter: newest[0]?.at }),
		};
	}

	/** Codes with `maxScans` that are not used up. */
	limited(): Promise<StoredCode[]> {
		return this.#codes.find({ query: { maxScans: { $gt: 0 }, usedUp: false, deleted: false }, sort: "maxScans" });
	}

	async #edit(
		organisation: string,
		id: string,
		change: (code: StoredCode) => Promise<StoredCode | null>,
	): Promise<StoredCode> {
		for (let attempt = 1; attempt <= EDIT_TRIES; attempt++) {
			const before = await this.get(organisation, id);
			const after = await change(before);
			if (!after) return before;
			await this.#options.history.insertIfAbsent(before.edit);
			if (!(await this.#replace(before, after))) continue;
			this.#options.onChange(after);
			await this.#remember(after);
			return after;
		}
		throw new CodedError("conflict", "Others are editing this code. Try again.");
	}

	/** Writes an edited code in place of the version it was made from; false when that is not there any more. */
	async #replace(before: StoredCode, after: StoredCode): Promise<boolean> {
		const { id, ...set } = after;
		const unset = (Object.keys(before) as (keyof StoredCode)[]).filter((field) => !(field in after));
		const query: EntityQuery = { id, version: before.version };
		try {
			return (await this.#codes.change(query, { set, unset })) > 0;
		} catch (error) {
			throw isTaken(error) ? slugTaken(after.slug) : error;
		}
	}

	/** What is not copied now is copied before the next edit: the code itself holds it. */
	async #remember({ edit }: StoredCode): Promise<void> {
		try {
			await this.#options.history.insertIfAbsent(edit);
		} catch (error) {
			if (codeOf(error) !== "unavailable") throw error;
			this.#options.onTrouble(error);
		}
	}
}

/** By time, then by version: the store has those of one instant in the order of their ids, where 10 comes before 9. */
function inOrder(a: CodeEdit, b: CodeEdit): number {
	return a.at === b.at ? a.version - b.version : a.at < b.at ? -1 : 1;
}

function slugTaken(slug: string): CodedError {
	return new CodedError("slug_taken", `The slug ${JSON.stringify(slug)} is taken`, {
		errors: [{ path: "slug", message: `expected a slug that no code has or had, got ${JSON.stringify(slug)}` }],
	});
}

function sortField(sort = "-createdAt"): string {
	const field = sort.replace(/^-/, "");
	if (!SORTS.includes(field)) {
		const message = `expected one of ${SORTS.join(", ")}, with - for descending, got ${JSON.stringify(sort)}`;
		throw new CodedError("invalid", `sort: ${message}`, { errors: [{ path: "sort", message }] });
	}
	return sort.replace("name", "sortName");
}
