/**
 * Reading what a client sent, field by field: every fault is collected with its path, so that one answer names them all,
 * each saying what came and what was expected.
 */

import { CodedError, type FieldError } from "../contracts/errors.ts";

/** Longest part of a value that an error repeats, characters. */
const SHOWN_LENGTH = 60;
const ISO_INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
const CONTROL = /\p{Cc}/u;

export type Fields = Readonly<Record<string, unknown>>;

export class FieldReader {
	readonly #errors: FieldError[] = [];

	/** Notes a fault: `came` is shown, unless the value is a secret. */
	refuse(path: string, came: unknown, expected: string): undefined {
		this.#errors.push({ path, message: `expected ${expected}, got ${shown(came)}` });
	}

	/** Notes a fault of a value that must not be repeated. */
	refuseSecret(path: string, expected: string): undefined {
		this.#errors.push({ path, message: `expected ${expected}` });
	}

	/** An object with no other fields than the known ones; empty when it is none. */
	object(path: string, value: unknown, known: readonly string[]): Fields {
		if (typeof value !== "object" || value === null || Array.isArray(value)) {
			this.refuse(path, value, "an object");
			return {};
		}
		for (const [field, held] of Object.entries(value)) {
			if (!known.includes(field)) {
				this.refuse(path === "" ? field : `${path}.${field}`, held, `only ${known.join(", ")}`);
			}
		}
		return value as Fields;
	}

	/** A list of at most `most` items, read one by one; what cannot be read is left out. */
	list<T>(path: string, value: unknown, most: number, read: (path: string, item: unknown) => T | undefined): T[] {
		if (!Array.isArray(value) || value.length > most) {
			this.refuse(path, value, `a list of at most ${most} items`);
			return [];
		}
		return value.map((item, n) => read(`${path}[${n}]`, item)).filter((item) => item !== undefined) as T[];
	}

	/** One line of text, its length in characters without surrounding spaces. */
	text(path: string, value: unknown, least: number, most: number): string | undefined {
		const text = typeof value === "string" ? value.trim() : undefined;
		if (text === undefined || text.length < least || text.length > most || CONTROL.test(text)) {
			return this.refuse(path, value, `text of ${least}–${most} characters on one line`);
		}
		return text;
	}

	matching(path: string, value: unknown, pattern: RegExp, expected: string): string | undefined {
		return typeof value === "string" && pattern.test(value) ? value : this.refuse(path, value, expected);
	}

	oneOf<T extends string>(path: string, value: unknown, choices: readonly T[]): T | undefined {
		const choice = choices.find((known) => known === value);
		return choice ?? this.refuse(path, value, `one of ${choices.join(", ")}`);
	}

	boolean(path: string, value: unknown): boolean | undefined {
		return typeof value === "boolean" ? value : this.refuse(path, value, "true or false");
	}

	whole(path: string, value: unknown, least: number, most: number): number | undefined {
		const fits = Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most;
		return fits ? Number(value) : this.refuse(path, value, `a whole number ${least}–${most}`);
	}

	number(path: string, value: unknown, least: number, most: number): number | undefined {
		const fits = typeof value === "number" && value >= least && value <= most;
		return fits ? value : this.refuse(path, value, `a number ${least}–${most}`);
	}

	/** An ISO 8601 instant with a zone, as it was written. */
	instant(path: string, value: unknown): string | undefined {
		if (typeof value === "string" && ISO_INSTANT.test(value) && isInstant(value)) return value;
		return this.refuse(path, value, "an ISO 8601 instant with a zone, such as 2026-11-23T09:30:00Z");
	}

	/**
	 * Ends the reading.
	 *
	 * @throws `invalid` with every fault that was noted.
	 */
	settle(): void {
		const [first, ...others] = this.#errors;
		if (!first) return;
		const more = others.length > 0 ? ` (and ${others.length} more)` : "";
		throw new CodedError("invalid", `${first.path || "the body"}: ${first.message}${more}`, { errors: this.#errors });
	}
}

function isInstant(text: string): boolean {
	try {
		Temporal.Instant.from(text);
		// Whoever compares it does so as a date: years beyond those of Date are not instants to us.
		return !Number.isNaN(Date.parse(text));
	} catch {
		return false;
	}
}

function shown(value: unknown): string {
	if (value === undefined) return "nothing";
	const text = typeof value === "number" ? String(value) : (JSON.stringify(value) ?? typeof value);
	return text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
}
