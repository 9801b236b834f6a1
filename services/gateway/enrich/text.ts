/** Free text from outside, as dimensions keep it: short, trimmed, in well-formed Unicode without control characters. */

/** Longest value of a dimension, characters. */
const DIMENSION_CHARACTERS = 128;

/** Undefined when nothing is left. */
export function dimensionText(text: string | null | undefined): string | undefined {
	if (!text) return undefined;
	const clean = text
		.replace(/\p{Cc}+/gu, " ")
		.trim()
		.slice(0, DIMENSION_CHARACTERS)
		.toWellFormed();
	return clean === "" ? undefined : clean;
}

/** The primary subtag of a language tag, or of the first one of an `Accept-Language` header. */
export function primaryLanguage(text: string | undefined): string | undefined {
	return /^\s*([a-z]{2,8})(?![a-z0-9])/i.exec(text ?? "")?.[1]?.toLowerCase();
}

/** The host of a referring page's address, or of a bare host. */
export function referrerHost(text: string | undefined): string | undefined {
	if (!text) return undefined;
	const bare = /^[^\s/:]+(:\d+)?([/?#]|$)/.test(text);
	const host = URL.parse(bare ? `http://${text}` : text)?.hostname;
	return host ? host.slice(0, DIMENSION_CHARACTERS) : undefined;
}
