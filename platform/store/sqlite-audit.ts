/** What an audit reads in the embedded store: each view is one snapshot of a thread of its own. */

import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";
import type { AuditSource, AuditView, CountedScan, KeptBucket, KeptMonth, KeptRollup, Span } from "./audit-source.ts";
import { addTally, type Tally } from "./bucket.ts";
import { type Packed, unpack } from "./packed.ts";
import { type ClosedRow, revisionOf, toRollup } from "./sqlite-closed.ts";
import { readLedger } from "./sqlite-listings.ts";
import { readMonths, readQuartersFrom } from "./sqlite-months.ts";
import { readPacked } from "./sqlite-packed.ts";
import { findSubject } from "./sqlite-scope.ts";

const SUMS = "coalesce(sum(scans), 0) AS scans, coalesce(sum(visitors), 0) AS visitors, coalesce(sum(bots), 0) AS bots";
const COUNTED = ["at", "bot", "first", "partition", ...BUCKET_DIMENSIONS].join(", ");

interface NamedRow extends ClosedRow {
	readonly code: string;
	readonly name: string;
	readonly start: number;
	readonly end: number;
	readonly time_zone: string | null;
	readonly revision: number | null;
}

export class SqliteAuditSource implements AuditSource {
	readonly codesByPartition = true;
	readonly #database: DatabaseSync;
	readonly #organisation: string;
	readonly #own: number | undefined;

	constructor(database: DatabaseSync, organisation: string) {
		this.#database = database;
		this.#organisation = organisation;
		this.#own = findSubject(database, organisation);
	}

	codes(): string[] {
		const sql = "SELECT code FROM subjects WHERE organisation = ? AND code <> '' ORDER BY code";
		return this.#all<{ code: string }>(sql, this.#organisation).map(({ code }) => code);
	}

	/** None is written: see `closeHours` of the store. */
	hours(): number[] {
		return [];
	}

	dates(): string[] {
		if (this.#own === undefined) return [];
		return this.#all<{ date: string }>("SELECT date FROM days WHERE subject = ? ORDER BY date", this.#own).map(
			({ date }) => date,
		);
	}

	months(): string[] {
		return readMonths(this.#database)
			.filter(({ state }) => state !== "closed")
			.map(({ month }) => month);
	}

	closedMonths(): string[] {
		if (this.#own === undefined) return [];
		const months = this.#all<{ month: string }>("SELECT month FROM months WHERE subject = ? ORDER BY month", this.#own);
		return months.map(({ month }) => month);
	}

	quartersFrom(): number {
		return readQuartersFrom(this.#database);
	}

	async snapshot<T>(read: (view: AuditView) => Promise<T>): Promise<T> {
		this.#database.exec("BEGIN");
		try {
			return await read(this.#view());
		} finally {
			this.#database.exec("COMMIT");
		}
	}

	#view(): AuditView {
		const organisation = this.#organisation;
		const subjectOf = (code: string | undefined) =>
			code === undefined ? this.#own : findSubject(this.#database, organisation, code);
		const column = (code: string | undefined) => (code === undefined ? "organisation" : "code");
		return {
			raw: (code, { from, to }) =>
				this.#iterate(
					`SELECT ${COUNTED} FROM scans WHERE ${column(code)} = ? AND at >= ? AND at < ? ORDER BY at`,
					[subjectOf(code) ?? null, from, to],
					(row) => ({ ...row, bot: row.bot === 1, first: row.first === 1 }) as unknown as CountedScan,
				),
			quarters: (code, span) => this.#quarters(subjectOf(code), span),
			recount: (code) => {
				const subject = subjectOf(code) ?? null;
				const sum = this.#tally(
					`SELECT coalesce(sum(1 - bot), 0) AS scans, coalesce(sum(first), 0) AS visitors, coalesce(sum(bot), 0) AS bots
					FROM scans WHERE ${column(code)} = ?`,
					subject,
				);
				addTally(sum, this.#tally(`SELECT ${SUMS} FROM carried WHERE subject = ?`, subject));
				return sum;
			},
			total: (code) => this.#tally(`SELECT ${SUMS} FROM totals WHERE subject = ?`, subjectOf(code) ?? null),
			hour: () => undefined,
			days: (date) => this.#days(date),
			codesOfMonth: (month) => this.#codesOfMonth(month),
			month: (month, code) => this.#month(month, subjectOf(code)),
			ledger: () => readLedger(this.#database, { organisation }),
		};
	}

	*#quarters(subject: number | undefined, { from, to }: Span): Iterable<KeptBucket> {
		const rows = this.#iterate(
			"SELECT * FROM quarters WHERE subject = ? AND at >= ? AND at < ? ORDER BY at, partition",
			[subject ?? null, from, to],
			(row) => row as unknown as Tally & { at: number; partition: number },
		);
		const values = this.#database.prepare(
			"SELECT * FROM quarter_values WHERE subject = ? AND at = ? AND partition = ?",
		);
		for (const { at, partition, scans, visitors, bots } of rows) {
			const maps = BUCKET_DIMENSIONS.map(() => new Map<string, Tally>());
			for (const value of values.all(subject ?? null, at, partition) as unknown as (Tally & {
				dimension: number;
				value: string;
			})[])
				maps[value.dimension]?.set(value.value, toTally(value));
			yield { at, partition, tally: { scans, visitors, bots }, values: maps };
		}
	}

	#days(date: string): KeptRollup[] {
		const rows = this.#all<NamedRow>(
			"SELECT days.*, date AS name, code FROM days JOIN subjects ON id = subject WHERE organisation = ? AND date = ?",
			this.#organisation,
			date,
		);
		const own = rows.find(({ code }) => code === "");
		return own && this.#isUnchanged(own) ? this.#kept(rows) : [];
	}

	#codesOfMonth(month: string): string[] | undefined {
		const rows = this.#all<NamedRow>(
			`SELECT start, end, revision, code FROM months JOIN subjects ON id = subject
			WHERE organisation = ? AND month = ? ORDER BY code`,
			this.#organisation,
			month,
		);
		const own = rows.find(({ code }) => code === "");
		if (!own || (own.start >= this.quartersFrom() && !this.#isUnchanged(own))) return undefined;
		return rows.flatMap(({ code }) => (code === "" ? [] : [code]));
	}

	#month(month: string, subject: number | undefined): KeptMonth {
		const read = (table: string, name: string, where: string) =>
			this.#kept(
				this.#all<NamedRow>(
					`SELECT ${table}.*, ${name} AS name, code FROM ${table} JOIN subjects ON id = subject
					WHERE subject = ? AND ${name} ${where} ORDER BY start`,
					subject ?? null,
					month,
				),
			);
		const [found] = read("months", "month", "= ?");
		return { ...(found && { month: found }), days: read("days", "date", "GLOB ? || '-*'") };
	}

	/** The organisation's with what is packed of them. */
	#kept(rows: readonly NamedRow[]): KeptRollup[] {
		const own = rows.flatMap(({ code, name }) => (code === "" ? [name] : []));
		const packed = this.#own === undefined ? new Map<string, Packed>() : readPacked(this.#database, this.#own, own);
		return rows.map((row) => toKept(row, row.code === "" ? packed.get(row.name) : undefined));
	}

	#isUnchanged({ start, end, revision }: NamedRow): boolean {
		return this.#own !== undefined && revision === revisionOf(this.#database, this.#own, start, end);
	}

	#tally(sql: string, subject: number | null): Tally {
		return toTally(this.#database.prepare(sql).get(subject) as unknown as Tally);
	}

	#all<T>(sql: string, ...parameters: SQLInputValue[]): T[] {
		return this.#database.prepare(sql).all(...parameters) as T[];
	}

	*#iterate<T>(sql: string, parameters: SQLInputValue[], of: (row: Record<string, unknown>) => T): Iterable<T> {
		for (const row of this.#database.prepare(sql).iterate(...parameters)) yield of(row);
	}
}

function toTally({ scans, visitors, bots }: Tally): Tally {
	return { scans, visitors, bots };
}

function toKept(row: NamedRow, packed: Packed | undefined): KeptRollup {
	const { code, name, start, end, time_zone } = row;
	const frame = { code: code === "" ? undefined : code, name, start, end };
	const unpacked = packed && { unpacked: unpack(packed, start) };
	return { ...frame, ...(time_zone !== null && { timeZone: time_zone }), ...toRollup(row), ...unpacked };
}
