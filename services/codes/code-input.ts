/**
 * Reads what a client wants a code to be. What comes out is complete, in limits and safe to keep; what is not is refused
 * with every fault by its path.
 */

import type { Code, CodeChanges, CodeInput, Placement, Rule, RuleCondition, Variant } from "../../contracts/code.ts";
import { DEVICES } from "../../contracts/scan.ts";
import { isCountry } from "../../platform/countries.ts";
import { FieldReader, type Fields } from "../../platform/fields.ts";
import { placementKey } from "../../platform/placement-key.ts";
import { destinationFault } from "./destination-safety.ts";

/** Limits of a code. Lengths are characters. */
const LIMITS = {
	name: 200,
	tags: 20,
	tag: 40,
	rules: 50,
	variants: 20,
	weight: 10_000,
	placements: 200,
	maxScans: 1_000_000_000_000,
	os: 64,
} as const;

const FIELDS = [
	"slug",
	"url",
	"name",
	"tags",
	"active",
	"expiresAt",
	"maxScans",
	"fallbackUrl",
	"rules",
	"variants",
	"placements",
] as const satisfies readonly (keyof CodeInput)[];

type Field = (typeof FIELDS)[number];
const CLEARABLE: readonly Field[] = ["expiresAt", "maxScans", "fallbackUrl"];

const LANGUAGE_TAG = /^[a-z]{2,8}([-_][a-z0-9]{1,8})*$/i;

/** What a client may set of a code, all of it but what is optional. */
export type CodeFields = Pick<Code, Field>;

/** A change that was read: `null` clears. */
export type ReadChanges = { -readonly [F in Field]?: CodeFields[F] | null };

/** A new code as a client gave it; `slug` and `name` are made by whoever keeps it. */
export type ReadCode = Omit<CodeFields, "slug" | "name"> & Partial<Pick<CodeFields, "slug" | "name">>;

/**
 * @param allowPrivate whether addresses may lead to private hosts
 * @throws `invalid` naming each field at fault.
 */
export function readCode(input: unknown, allowPrivate: boolean): ReadCode {
	const reader = new CodeReader(allowPrivate);
	const fields = reader.object("", input, FIELDS);
	const read = reader.fields(fields, []);
	if (!("url" in fields)) reader.refuse("url", undefined, "an http or https address");
	reader.settle();
	return {
		...({ tags: [], active: true, rules: [], variants: [], placements: [] } satisfies Partial<CodeFields>),
		...(read as Partial<CodeFields> & Pick<CodeFields, "url">),
	};
}

/** @throws `invalid` naming each field at fault. */
export function readChanges(changes: CodeChanges, allowPrivate: boolean): ReadChanges {
	const reader = new CodeReader(allowPrivate);
	const read = reader.fields(reader.object("", changes, FIELDS), CLEARABLE);
	reader.settle();
	return read;
}

class CodeReader extends FieldReader {
	readonly #allowPrivate: boolean;

	constructor(allowPrivate: boolean) {
		super();
		this.#allowPrivate = allowPrivate;
	}

	/** The fields that are there; of those in `clearable`, null too. */
	fields(given: Fields, clearable: readonly Field[]): ReadChanges {
		const read: Record<string, unknown> = {};
		for (const field of FIELDS) {
			if (given[field] === undefined) continue;
			const cleared = given[field] === null && clearable.includes(field);
			read[field] = cleared ? null : this.#readers[field](field, given[field]);
		}
		return read as ReadChanges;
	}

	readonly #readers: { [F in Field]: (path: string, value: unknown) => CodeFields[F] | undefined } = {
		slug: (path, value) => this.matching(path, value, /^[A-Za-z0-9_-]{1,64}$/, "1–64 of A–Z a–z 0–9 _ -"),
		url: (path, value) => this.#address(path, value),
		name: (path, value) => this.text(path, value, 0, LIMITS.name),
		tags: (path, value) => [
			...new Set(this.list(path, value, LIMITS.tags, (at, tag) => this.text(at, tag, 1, LIMITS.tag))),
		],
		active: (path, value) => this.boolean(path, value),
		expiresAt: (path, value) => this.instant(path, value),
		maxScans: (path, value) => this.whole(path, value, 1, LIMITS.maxScans),
		fallbackUrl: (path, value) => this.#address(path, value),
		rules: (path, value) => this.list(path, value, LIMITS.rules, (at, rule) => this.#rule(at, rule)),
		variants: (path, value) => this.list(path, value, LIMITS.variants, (at, variant) => this.#variant(at, variant)),
		placements: (path, value) => this.#placements(path, value),
	};

	#address(path: string, value: unknown): string | undefined {
		const fault = destinationFault(value, this.#allowPrivate);
		return fault === undefined ? (value as string) : this.refuse(path, value, fault);
	}

	#rule(path: string, value: unknown): Rule | undefined {
		const rule = this.object(path, value, ["if", "url"]);
		const url = this.#address(`${path}.url`, rule.url);
		const condition = this.#condition(`${path}.if`, rule.if);
		return url === undefined ? undefined : { if: condition, url };
	}

	#condition(path: string, value: unknown): RuleCondition {
		const given = this.object(path, value, ["country", "device", "os", "language", "after", "before"]);
		const read = <T>(field: string, reader: (path: string, value: unknown) => T | undefined) =>
			given[field] === undefined ? {} : { [field]: reader(`${path}.${field}`, given[field]) };
		const condition: RuleCondition = {
			...read("country", (at, it) => this.#country(at, it)),
			...read("device", (at, it) => this.oneOf(at, it, DEVICES)),
			...read("os", (at, it) => this.text(at, it, 1, LIMITS.os)),
			...read("language", (at, it) => primarySubtag(this.matching(at, it, LANGUAGE_TAG, "a language such as de"))),
			...read("after", (at, it) => this.instant(at, it)),
			...read("before", (at, it) => this.instant(at, it)),
		};
		const { after, before } = condition;
		if (after && before && Date.parse(before) <= Date.parse(after)) {
			this.refuse(`${path}.before`, before, `an instant later than after (${after})`);
		}
		return condition;
	}

	#country(path: string, value: unknown): string | undefined {
		if (typeof value === "string" && isCountry(value)) return value.toUpperCase();
		return this.refuse(path, value, "an ISO 3166-1 alpha-2 code such as DE");
	}

	#variant(path: string, value: unknown): Variant | undefined {
		const variant = this.object(path, value, ["url", "weight"]);
		const url = this.#address(`${path}.url`, variant.url);
		const weight = this.whole(`${path}.weight`, variant.weight, 1, LIMITS.weight);
		return url === undefined || weight === undefined ? undefined : { url, weight };
	}

	#placements(path: string, value: unknown): Placement[] {
		const keys = new Set<string>();
		return this.list(path, value, LIMITS.placements, (at, item) => {
			const placement = this.#placement(at, item);
			if (!placement) return undefined;
			if (keys.has(placement.key)) return this.refuse(`${at}.key`, placement.key, "a key that no other placement has");
			keys.add(placement.key);
			return placement;
		});
	}

	#placement(path: string, value: unknown): Placement | undefined {
		const given = this.object(path, value, ["key", "name", "lat", "lon"]);
		const key = typeof given.key === "string" ? placementKey(given.key) : undefined;
		if (key === undefined) return this.refuse(`${path}.key`, given.key, "text with some of a–z 0–9 -");
		const name = given.name === undefined ? key : this.text(`${path}.name`, given.name, 1, LIMITS.name);
		const lat = given.lat === undefined ? undefined : this.number(`${path}.lat`, given.lat, -90, 90);
		const lon = given.lon === undefined ? undefined : this.number(`${path}.lon`, given.lon, -180, 180);
		if (name === undefined) return undefined;
		return { key, name, ...(lat === undefined ? {} : { lat }), ...(lon === undefined ? {} : { lon }) };
	}
}

/** Scans know no more of a language than its primary subtag. */
function primarySubtag(tag: string | undefined): string | undefined {
	return tag?.split(/[-_]/)[0]?.toLowerCase();
}
