/**
 * The address of a redirect: the destination with the query string that the scanned address carried. The destination's
 * own parameters win, a fragment stays last, and nothing but printable ASCII can get into the header.
 */

const UNPRINTABLE = /[^\x21-\x7e]+/g;

/**
 * @param destination an address as its owner wrote it
 * @param query the request's query string without `?`, as it came
 */
export function locationOf(destination: string, query: string): string {
	const address = printable(destination);
	const hash = address.indexOf("#");
	const base = hash < 0 ? address : address.slice(0, hash);
	const fragment = hash < 0 ? "" : address.slice(hash);
	const passed = passedOn(base, query);
	if (passed === "") return base + fragment;
	const mark = base.indexOf("?");
	const joint = mark < 0 ? "?" : mark === base.length - 1 || base.endsWith("&") ? "" : "&";
	return `${base}${joint}${passed}${fragment}`;
}

/** The pairs of the query, as they came, whose names the destination does not have itself. */
function passedOn(base: string, query: string): string {
	if (query === "") return "";
	const mark = base.indexOf("?");
	const own = new Set(mark < 0 ? [] : pairs(base.slice(mark + 1)).map(nameOf));
	return pairs(query)
		.filter((pair) => !own.has(nameOf(pair)))
		.map((pair) => encoded(pair))
		.join("&");
}

function pairs(query: string): string[] {
	return query.split("&").filter((pair) => pair !== "");
}

function nameOf(pair: string): string {
	const name = pair.split("=", 1)[0] as string;
	try {
		return decodeURIComponent(name.replaceAll("+", " "));
	} catch {
		return name;
	}
}

/** A destination as a header can carry it; hosts in other scripts become punycode. */
function printable(address: string): string {
	return address.search(UNPRINTABLE) < 0 ? address : encoded(URL.parse(address)?.href ?? address, "#");
}

function encoded(text: string, kept = ""): string {
	const ascii = text.replace(UNPRINTABLE, (run) => encodeURIComponent(run.toWellFormed()));
	return kept === "#" ? ascii : ascii.replaceAll("#", "%23");
}
