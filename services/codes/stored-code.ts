/** A code as it is kept, and what others see of it. */

import type { Code, CodeInput, RoutableCode } from "../../contracts/code.ts";
import { randomId, randomText } from "../../platform/random-id.ts";
import type { ReadChanges, ReadCode } from "./code-input.ts";

/** Without look-alikes (0 o, 1 i l) and without case, because slugs are also read aloud and typed. */
const SLUG_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz";
const SLUG_LENGTH = 7;

/** What an edit did to one field; an absent value was not set. */
interface FieldEdit {
	readonly before?: unknown;
	readonly after?: unknown;
}

/** An entry of a code's history. Its id is made of code and version, so that it is kept once. */
export interface CodeEdit {
	readonly id: string;
	readonly organisation: string;
	readonly code: string;
	readonly version: number;
	readonly action: "created" | "updated" | "deleted";
	/** ISO instant. */
	readonly at: string;
	/** The credential or member that made it. */
	readonly by: string;
	readonly fields: Readonly<Record<string, FieldEdit>>;
}

export interface StoredCode extends Code {
	readonly organisation: string;
	/** Every slug it ever had, the current one included: none of them is another code's, ever. */
	readonly slugs: readonly string[];
	/** `name` in lower case, by which lists are sorted. */
	readonly sortName: string;
	readonly version: number;
	/** When anything of it changed last, also what is no edit, epoch ms: by this gateways ask for what they missed. */
	readonly changedAt: number;
	readonly deleted: boolean;
	readonly usedUp: boolean;
	/** The scans last heard of, for codes with `maxScans`. */
	readonly scansSeen: number;
	/** The newest edit, kept with what it changed until it is in the history too. */
	readonly edit: CodeEdit;
}

function newSlug(): string {
	return randomText(SLUG_ALPHABET, SLUG_LENGTH);
}

/** A new code of an organisation, with a slug of its own when none was given. */
export function newCode(organisation: string, read: ReadCode, by: string, at: string): StoredCode {
	const id = randomId("code");
	const slug = read.slug ?? newSlug();
	const name = read.name || slug;
	const fields = { ...read, slug, name };
	return {
		id,
		organisation,
		...fields,
		slugs: [slug],
		sortName: name.toLowerCase(),
		createdAt: at,
		updatedAt: at,
		version: 1,
		changedAt: Date.parse(at),
		deleted: false,
		usedUp: false,
		scansSeen: 0,
		edit: {
			...{ id: `${id}:1`, organisation, code: id, version: 1, action: "created", at, by },
			fields: Object.fromEntries(Object.entries(fields).map(([field, after]) => [field, { after }])),
		},
	};
}

/** The code after an edit, or null when the edit changes nothing. */
export function edited(code: StoredCode, changes: ReadChanges, by: string, at: string): StoredCode | null {
	const fields: Record<string, FieldEdit> = {};
	const after: Record<string, unknown> = { ...code };
	for (const [field, value] of Object.entries(changes)) {
		const wanted = field === "name" && value === "" ? (changes.slug ?? code.slug) : value;
		const before = code[field as keyof Code];
		if (JSON.stringify(before ?? null) === JSON.stringify(wanted ?? null)) continue;
		fields[field] = {
			...(before === undefined ? {} : { before }),
			...(wanted === null ? {} : { after: wanted }),
		};
		if (wanted === null) delete after[field];
		else after[field] = wanted;
	}
	if (Object.keys(fields).length === 0) return null;
	const result = after as unknown as StoredCode;
	return {
		...result,
		...next(code, "updated", by, at, fields),
		slugs: [...new Set([result.slug, ...code.slugs])],
		sortName: result.name.toLowerCase(),
		usedUp: result.maxScans !== undefined && code.scansSeen >= result.maxScans,
	};
}

export function deleted(code: StoredCode, by: string, at: string): StoredCode {
	return { ...code, ...next(code, "deleted", by, at, {}), deleted: true };
}

function next(code: StoredCode, action: CodeEdit["action"], by: string, at: string, fields: CodeEdit["fields"]) {
	const { id, organisation } = code;
	const version = code.version + 1;
	const edit: CodeEdit = { id: `${id}:${version}`, organisation, code: id, version, action, at, by, fields };
	return { version, updatedAt: at, changedAt: Date.parse(at), edit };
}

/** As the API answers it. */
export function publicCode(code: StoredCode): Code {
	const { id, slug, url, name, tags, active, expiresAt, maxScans, fallbackUrl, rules, variants, placements } = code;
	return {
		...{ id, slug, url, name, tags, active },
		...defined({ expiresAt, maxScans, fallbackUrl }),
		...{ rules, variants, placements, createdAt: code.createdAt, updatedAt: code.updatedAt },
	};
}

/** As gateways keep it. */
export function routableCode(code: StoredCode): RoutableCode {
	const { id, organisation, slug, url, active, expiresAt, maxScans, usedUp, fallbackUrl, rules, variants } = code;
	const aliases = code.slugs.filter((other) => other !== slug);
	return {
		...{ id, organisation, slug, url, active, usedUp, rules, variants, version: code.version },
		...defined({ expiresAt, maxScans, fallbackUrl }),
		...(code.deleted ? { deleted: true as const } : {}),
		...(aliases.length > 0 ? { aliases } : {}),
	};
}

function defined<T extends Partial<CodeInput>>(fields: T): T {
	return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as T;
}
