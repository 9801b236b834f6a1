/* What was measured of 1 or 2 processes, and how it is shown. */
import { median, percent, rate } from "../load/figures.ts";

export interface Row {
	readonly what: string;
	readonly processes: number;
	/** Of a core, that each process was held to; 1 when it was not. */
	readonly part: number;
	readonly perSecond: number;
	readonly unit: string;
	/** Processor time for one of what is counted, by who spends it, µs. */
	readonly costUs: Readonly<Record<string, number>>;
	/** How busy the core of everything else was, from 0 to 1. */
	readonly otherCore: number;
	/** Anything else, by name. */
	readonly notes: Readonly<Record<string, number>>;
}

/** The middle of several rounds: each figure's own median. */
function middle(rows: readonly Row[]): Row {
	const [first] = rows as [Row];
	const over = (figure: (row: Row) => number) => median(rows.map(figure));
	const each = (name: "costUs" | "notes") =>
		Object.fromEntries(Object.keys(first[name]).map((key) => [key, over((row) => row[name][key] as number)]));
	return {
		...first,
		...{ perSecond: over((row) => row.perSecond), otherCore: over((row) => row.otherCore) },
		...{ costUs: each("costUs"), notes: each("notes") },
	};
}

/** Rounds together, one row for each thing and number of processes. */
export function middles(rows: readonly Row[]): Row[] {
	return [...Map.groupBy(rows, (row) => `${row.what} ${row.processes}`).values()].map(middle);
}

/** Lines for one thing: 1 process, then 2, by how much 2 do more. */
export function linesOf(rows: readonly Row[]): string[] {
	const one = rows.find(({ processes }) => processes === 1);
	return rows.map((row) => {
		const cost = Object.entries(row.costUs).map(([who, us]) => `${who} ${us.toFixed(1)} µs`);
		const notes = Object.entries(row.notes).map(([name, value]) => `${name} ${Number(value.toPrecision(3))}`);
		const gain = one && row !== one ? `, ${(row.perSecond / one.perSecond).toFixed(2)} times one` : "";
		return [
			`measured  ${row.what}, ${row.processes} × ${percent(row.part)} of a core: ${rate(row.perSecond)} ${row.unit}${gain}`,
			`          a piece: ${cost.join(", ")}; the other core ${percent(row.otherCore)} busy; ${notes.join(", ")}`,
		].join("\n");
	});
}
