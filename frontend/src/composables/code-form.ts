/** What the forms of a code hold, and how that becomes what the API is told. */
import type { Code, CodeChanges, CodeInput } from "../../../contracts/code.ts";

export interface CodeFields {
	url: string;
	name: string;
	slug: string;
	/** Separated by commas. */
	tags: string;
	active: boolean;
	/** As a `datetime-local` control has it, in the browser's time zone. */
	expiresAt: string;
	maxScans: string;
	fallbackUrl: string;
}

export function fieldsOf(code?: Code): CodeFields {
	return {
		url: code?.url ?? "",
		name: code?.name ?? "",
		slug: code?.slug ?? "",
		tags: code?.tags.join(", ") ?? "",
		active: code?.active ?? true,
		expiresAt: code?.expiresAt ? localTime(code.expiresAt) : "",
		maxScans: code?.maxScans === undefined ? "" : String(code.maxScans),
		fallbackUrl: code?.fallbackUrl ?? "",
	};
}

/** A new code: what was left empty is left to the server. */
export function inputOf(fields: CodeFields): CodeInput {
	return {
		url: withScheme(fields.url),
		name: fields.name.trim() || undefined,
		slug: fields.slug.trim() || undefined,
		tags: tagsOf(fields.tags),
	};
}

/** What differs from the code as it is; a field that was emptied is cleared. */
export function changesOf(fields: CodeFields, code: Code): CodeChanges {
	const before = fieldsOf(code);
	const changed = (key: keyof CodeFields) => fields[key] !== before[key];
	return {
		...(changed("url") && { url: withScheme(fields.url) }),
		...(changed("name") && { name: fields.name.trim() }),
		...(changed("tags") && { tags: tagsOf(fields.tags) }),
		...(changed("active") && { active: fields.active }),
		...(changed("expiresAt") && { expiresAt: fields.expiresAt ? new Date(fields.expiresAt).toISOString() : null }),
		...(changed("maxScans") && { maxScans: fields.maxScans === "" ? null : Number(fields.maxScans) }),
		...(changed("fallbackUrl") && { fallbackUrl: fields.fallbackUrl.trim() || null }),
	};
}

function tagsOf(text: string): string[] {
	const tags = text.split(",").map((tag) => tag.trim());
	return [...new Set(tags.filter((tag) => tag !== ""))];
}

/** People type `example.com`; what they mean is a web address. */
function withScheme(url: string): string {
	const text = url.trim();
	return text === "" || /^[a-z][a-z0-9+.-]*:/i.test(text) ? text : `https://${text}`;
}

function localTime(iso: string): string {
	const at = new Date(iso);
	return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}
