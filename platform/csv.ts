/**
 * CSV as RFC 4180 has it. What begins like a formula would be one to a spreadsheet, and its author is whoever scanned:
 * such text gets a leading apostrophe, as OWASP advises. Numbers are numbers, also negative ones.
 *
 * @see https://www.rfc-editor.org/rfc/rfc4180
 */

export type CsvCell = string | number | boolean | undefined;

const QUOTED = /[",\r\n]/;
const FORMULA = /^[=+\-@]/;

/** One line, with its end. */
export function csvLine(cells: readonly CsvCell[]): string {
	return `${cells.map(csvCell).join(",")}\r\n`;
}

function csvCell(value: CsvCell): string {
	if (value === undefined) return "";
	if (typeof value !== "string") return String(value);
	const text = FORMULA.test(value) ? `'${value}` : value;
	return QUOTED.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
