/**
 * Bodies and queries are validated once, here, with zod; what comes out is trusted inside. A complaint names the field
 * by its path and says what came and what was expected.
 */

import type { z } from "zod";
import { CodedError, type FieldError } from "../../contracts/errors.ts";

/** Longest part of a bad value that an error shows, characters. */
const SHOWN_CHARACTERS = 60;
/** Most complaints of one answer. */
const MAX_ERRORS = 50;

type Issue = z.core.$ZodIssue;

/**
 * Reads a body.
 *
 * @throws `invalid` with every field that is wrong.
 */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
	const parsed = schema.safeParse(body, { error: (issue) => expectation(issue as Issue) });
	if (parsed.success) return parsed.data;
	throw notValid(complaints(parsed.error.issues, body, pathOf));
}

/**
 * Reads a query string; a parameter given more than once is a list.
 *
 * @throws `invalid` with every parameter that is wrong.
 */
export function parseQuery<T>(schema: z.ZodType<T>, query: URLSearchParams): T {
	const given = new Map<string, string | string[]>();
	for (const name of new Set(query.keys())) {
		const values = query.getAll(name);
		given.set(name, values.length === 1 ? (values[0] as string) : values);
	}
	if (given.has("__proto__")) throw notValid([{ path: "__proto__", message: "expected no such parameter" }]);
	const input = Object.fromEntries(given);
	const parsed = schema.safeParse(input, { error: (issue) => expectation(issue as Issue) });
	if (parsed.success) return parsed.data;
	throw notValid(complaints(parsed.error.issues, input, (path) => String(path[0] ?? "")));
}

/** The error of fields that are not valid; the first one is its detail. */
export function notValid(errors: readonly FieldError[]): CodedError {
	const [first] = errors;
	return new CodedError("invalid", first ? `${first.path || "the body"}: ${first.message}` : "Not valid", { errors });
}

/** `rules[0].url`: how clients write the place. */
export function pathOf(path: readonly PropertyKey[]): string {
	return path.reduce<string>(
		(text, key) => (typeof key === "number" ? `${text}[${key}]` : text === "" ? String(key) : `${text}.${String(key)}`),
		"",
	);
}

function complaints(
	issues: readonly Issue[],
	input: unknown,
	say: (path: readonly PropertyKey[]) => string,
): FieldError[] {
	const errors = issues.flatMap((issue): FieldError[] => {
		if (issue.code === "unrecognized_keys") {
			return issue.keys.map((key) => ({ path: say([...issue.path, key]), message: "expected no such field" }));
		}
		const came = valueAt(input, issue.path);
		return [{ path: say(issue.path), message: `expected ${issue.message}, got ${shown(came)}` }];
	});
	// A value that breaks several rules whose expectation is one and the same is complained of once.
	const once = new Map(errors.map((error) => [`${error.path}\n${error.message}`, error]));
	return [...once.values()].slice(0, MAX_ERRORS);
}

/** What was expected, for schemas that do not say it themselves. */
function expectation(issue: Issue): string {
	switch (issue.code) {
		case "invalid_type":
			return TYPES[issue.expected] ?? issue.expected;
		case "too_small":
			return issue.origin === "number" || issue.origin === "int"
				? `at least ${issue.minimum}`
				: `at least ${issue.minimum} ${issue.origin === "string" ? "characters" : "items"}`;
		case "too_big":
			return issue.origin === "number" || issue.origin === "int"
				? `at most ${issue.maximum}`
				: `at most ${issue.maximum} ${issue.origin === "string" ? "characters" : "items"}`;
		case "invalid_value":
			return issue.values.length === 1 ? String(issue.values[0]) : `one of ${issue.values.join(", ")}`;
		case "invalid_format":
			return `text of the form ${issue.format}`;
		default:
			return "something else";
	}
}

const TYPES: Readonly<Record<string, string>> = {
	string: "text",
	number: "a number",
	int: "a whole number",
	boolean: "true or false",
	array: "a list",
	object: "an object",
	record: "an object",
};

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
	return path.reduce<unknown>(
		(value, key) =>
			typeof value === "object" && value !== null && Object.hasOwn(value, key)
				? (value as Record<PropertyKey, unknown>)[key]
				: undefined,
		input,
	);
}

function shown(value: unknown): string {
	if (value === undefined) return "nothing";
	if (Array.isArray(value) && value.length > 4) return `a list of ${value.length}`;
	const text = JSON.stringify(value);
	return text.length <= SHOWN_CHARACTERS ? text : `${text.slice(0, SHOWN_CHARACTERS).toWellFormed()}…`;
}
