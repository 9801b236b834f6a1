/*
 * From a JSON schema of the API's own description to every way of getting one field wrong: other types, null, out of
 * range, too long, not among the choices, unknown beside it, absent. Each fault knows the path that must be named for it.
 */

export interface Schema {
	readonly type?: string;
	readonly properties?: Readonly<Record<string, Schema>>;
	readonly required?: readonly string[];
	readonly items?: Schema;
	readonly anyOf?: readonly Schema[];
	readonly enum?: readonly string[];
	readonly format?: string;
	readonly pattern?: string;
	readonly allOf?: readonly { pattern?: string }[];
	readonly minLength?: number;
	readonly maxLength?: number;
	readonly minimum?: number;
	readonly maximum?: number;
	readonly minItems?: number;
	readonly maxItems?: number;
	readonly $ref?: string;
}

/** A body that is wrong at one place. */
export interface Fault {
	readonly path: string;
	readonly body: unknown;
	readonly why: string;
}

type Json = unknown;

/** Every fault of a body that is right as `base` has it. */
export function faultsOf(schema: Schema, base: Json): Fault[] {
	return visit(schema, base, "", (value) => value);
}

function visit(schema: Schema, base: Json, path: string, place: (value: Json) => Json): Fault[] {
	const alternatives = schema.anyOf ?? [schema];
	const nullable = alternatives.some(({ type }) => type === "null");
	const main = alternatives.find(({ type }) => type !== "null") as Schema;
	const fault = (value: Json, why: string): Fault => ({ path, body: place(value), why });
	const faults = wrongValues(main).map(([value, why]) => fault(value, why));
	if (!nullable) faults.push(fault(null, "null"));
	if (main.type === "object" && main.properties) {
		const object = base as Record<string, Json>;
		for (const [name, inner] of Object.entries(main.properties)) {
			const within = (value: Json) => place({ ...object, [name]: value });
			faults.push(...visit(inner, object[name], join(path, name), within));
			if (main.required?.includes(name)) {
				const { [name]: _, ...rest } = object;
				faults.push({ path: join(path, name), body: place(rest), why: "absent" });
			}
		}
		faults.push({ path: join(path, "surprise"), body: place({ ...object, surprise: 1 }), why: "unknown field" });
		for (const key of ["constructor", "prototype", "__proto__"]) {
			const hostile = Object.defineProperty({ ...object }, key, { value: { a: 1 }, enumerable: true });
			faults.push({ path: join(path, key), body: place(hostile), why: key });
		}
	}
	if (main.type === "array" && main.items) {
		const [item] = base as Json[];
		faults.push(...visit(main.items, item, `${path}[0]`, (value) => place([value])));
		faults.push(...visit(main.items, item, `${path}[1]`, (value) => place([item, value])));
	}
	return faults;
}

function join(path: string, name: string): string {
	return path === "" ? name : `${path}.${name}`;
}

/** Values of other types, and of the right type beyond its limits. */
function wrongValues({
	type,
	enum: choices,
	format,
	pattern,
	allOf,
	minLength = 0,
	maxLength,
	minimum,
	maximum,
	minItems = 0,
	maxItems,
	items,
}: Schema): [Json, string][] {
	const samples: [Json, string][] = [
		["text", "string"],
		[7, "number"],
		[true, "boolean"],
		[[], "array"],
		[{}, "object"],
	];
	const kind = type === "integer" ? "number" : type;
	const wrong = samples.filter(([, its]) => its !== kind).map(([value, its]): [Json, string] => [value, `a ${its}`]);
	if (type === "string") {
		if (minLength > 0) wrong.push(["", "empty"]);
		if (maxLength !== undefined) wrong.push(["h".repeat(maxLength + 1), "too long"]);
		if (choices) wrong.push(["no such choice", "no choice"], [String(choices[0]).toUpperCase(), "other case"]);
		if (pattern !== undefined || allOf) wrong.push(["a\u0000b", "NUL"], ["a\r\nSet-Cookie: a=b", "line break"]);
		if (format === "date-time") wrong.push(...NO_INSTANTS.map((text): [Json, string] => [text, "no instant"]));
	}
	if (type === "integer") wrong.push([1.5, "a fraction"]);
	if (kind === "number") {
		if (minimum !== undefined) wrong.push([minimum - 1, "too small"], [-1e300, "far too small"]);
		if (maximum !== undefined) wrong.push([maximum + 1, "too large"], [1e300, "far too large"]);
	}
	if (type === "array") {
		if (minItems > 0) wrong.push([[], "too few"]);
		if (maxItems !== undefined) wrong.push([Array.from({ length: maxItems + 1 }, () => sample(items)), "too many"]);
	}
	return wrong;
}

const NO_INSTANTS = [
	"yesterday",
	"2026-11-23",
	"2026-11-23T09:30:00",
	"2026-02-30T09:30:00Z",
	"2026-11-23T25:00:00Z",
	"1795412269969",
	"+275761-01-01T00:00:00Z",
];

function sample(items: Schema | undefined): Json {
	if (items?.type === "object") return {};
	return items?.enum?.[0] ?? "h";
}
