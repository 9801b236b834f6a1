/** The reports that an organisation wants: what is to be made, of which codes, in which time zone, and since when. */

import type { Page } from "../../../contracts/code.ts";
import { CodedError } from "../../../contracts/errors.ts";
import {
	REPORT_FORMATS,
	REPORT_PERIODS,
	type Report,
	type ReportChanges,
	type ReportInput,
} from "../../../contracts/report.ts";
import type { CollectionOptions } from "../../../mixins/db.ts";
import type { EntityCollection } from "../../../mixins/entity-collection.ts";
import { FieldReader } from "../../../platform/fields.ts";
import { randomId } from "../../../platform/random-id.ts";
import { listOf, oneOf } from "../../../platform/store/mongo-collections.ts";
import { timeZoneId } from "../../../platform/time-zone.ts";
import { lastPeriod } from "./periods.ts";

export interface StoredReport extends Report {
	readonly organisation: string;
	/** `name` in lower case, by which lists are sorted. */
	readonly sortName: string;
	/** A local date of the first period that it is made of. */
	readonly since: string;
}

export const REPORT_COLLECTIONS: readonly CollectionOptions[] = [
	{
		collection: "reports",
		document: {
			required: {
				...{ organisation: "string", name: "string", sortName: "string", period: oneOf(REPORT_PERIODS) },
				...{ formats: listOf(oneOf(REPORT_FORMATS)), createdAt: "string", updatedAt: "string", since: "string" },
			},
			optional: { codes: listOf("string"), timeZone: "string" },
		},
		indexes: [{ fields: ["organisation", "createdAt", "_id"] }, { fields: ["organisation", "sortName", "_id"] }],
	},
];

/** Most reports that an organisation may have. */
const MOST_REPORTS = 200;
const MOST_NAME = 200;
const MOST_CODES = 100;
/** Reports read at once of all organisations. */
const READ_AT_ONCE = 100;
const SORTS = ["createdAt", "name"];

export interface ReportShelfOptions {
	readonly reports: EntityCollection<StoredReport>;
	/** The id of the code that is meant, or null. */
	findCode(organisation: string, reference: string): Promise<string | null>;
	timeZoneOf(organisation: string): Promise<string>;
}

export class ReportShelf {
	readonly #options: ReportShelfOptions;
	readonly #reports: EntityCollection<StoredReport>;

	constructor(options: ReportShelfOptions) {
		this.#options = options;
		this.#reports = options.reports;
	}

	/** Its first report is of the last period that is over. @throws `invalid` naming each field at fault. */
	async create(organisation: string, input: ReportInput, now: number = Date.now()): Promise<Report> {
		const reader = new FieldReader();
		const name = reader.text("name", input.name, 1, MOST_NAME) ?? "";
		const period = reader.oneOf("period", input.period, REPORT_PERIODS) ?? "daily";
		const formats = readFormats(reader, input.formats) ?? [...REPORT_FORMATS];
		const timeZone = input.timeZone === undefined ? undefined : readZone(reader, input.timeZone);
		const codes = input.codes === undefined ? undefined : await this.#readCodes(reader, organisation, input.codes);
		reader.settle();
		if ((await this.#reports.count({ query: { organisation } })) >= MOST_REPORTS)
			throw new CodedError("conflict", `An organisation has ${MOST_REPORTS} reports at most`);
		const at = new Date(now).toISOString();
		const zone = timeZone ?? (await this.#options.timeZoneOf(organisation));
		const report: StoredReport = {
			...{ id: randomId("report"), organisation, name, sortName: name.toLowerCase(), period, formats },
			...{ createdAt: at, updatedAt: at, since: lastPeriod(period, zone, now).first.toString() },
			...(codes && { codes }),
			...(timeZone && { timeZone }),
		};
		await this.#reports.insert(report);
		return publicReport(report);
	}

	/** @throws `not_found`. */
	async get(organisation: string, id: string): Promise<Report> {
		return publicReport(await this.#get(organisation, id));
	}

	async list(organisation: string, page: number, pageSize: number, sort = "-createdAt"): Promise<Page<Report>> {
		const reader = new FieldReader();
		if (!SORTS.includes(sort.replace(/^-/, "")))
			reader.refuse("sort", sort, `one of ${SORTS.join(", ")}, with - for descending`);
		reader.settle();
		const query = { organisation };
		const [rows, total] = await Promise.all([
			this.#reports.find({
				...{ query, sort: sort.replace("name", "sortName") },
				...{ offset: (page - 1) * pageSize, limit: pageSize },
			}),
			this.#reports.count({ query }),
		]);
		return { rows: rows.map(publicReport), total, page, pageSize };
	}

	/** What was made stays; another period begins with the last one that is over. @throws `invalid`, `not_found`. */
	async update(organisation: string, id: string, changes: ReportChanges, now: number = Date.now()): Promise<Report> {
		const report = await this.#get(organisation, id);
		const reader = new FieldReader();
		const name = changes.name === undefined ? undefined : reader.text("name", changes.name, 1, MOST_NAME);
		const period = changes.period === undefined ? undefined : reader.oneOf("period", changes.period, REPORT_PERIODS);
		const formats = readFormats(reader, changes.formats);
		const timeZone = changes.timeZone ? readZone(reader, changes.timeZone) : undefined;
		const codes = changes.codes ? await this.#readCodes(reader, organisation, changes.codes) : undefined;
		reader.settle();
		const zone = timeZone ?? (await this.#options.timeZoneOf(organisation));
		const begins =
			period && period !== report.period ? { since: lastPeriod(period, zone, now).first.toString() } : undefined;
		await this.#reports.change(
			{ id, organisation },
			{
				set: {
					...(name !== undefined && { name, sortName: name.toLowerCase() }),
					...(period && { period }),
					...(formats && { formats }),
					...(timeZone && { timeZone }),
					...(codes && { codes }),
					...begins,
					updatedAt: new Date(now).toISOString(),
				},
				unset: (["codes", "timeZone"] as const).filter((field) => changes[field] === null),
			},
		);
		return this.get(organisation, id);
	}

	/** @throws `not_found`. */
	async remove(organisation: string, id: string): Promise<void> {
		if ((await this.#reports.remove({ id, organisation })) === 0) throw unknownReport(id);
	}

	/** Those of all organisations, by id. */
	async *all(): AsyncGenerator<StoredReport> {
		for (let after = ""; ; ) {
			const some = await this.#reports.find({ query: { id: { $gt: after } }, limit: READ_AT_ONCE });
			yield* some;
			if (some.length < READ_AT_ONCE) return;
			after = some.at(-1)?.id ?? "";
		}
	}

	async has(organisation: string, id: string): Promise<boolean> {
		return (await this.#reports.first({ id, organisation })) !== null;
	}

	async #get(organisation: string, id: string): Promise<StoredReport> {
		const report = await this.#reports.first({ id, organisation });
		if (!report) throw unknownReport(id);
		return report;
	}

	async #readCodes(reader: FieldReader, organisation: string, codes: readonly string[]): Promise<string[]> {
		if (codes.length === 0 || codes.length > MOST_CODES) reader.refuse("codes", codes, `1–${MOST_CODES} codes`);
		const ids = new Set<string>();
		for (const [index, reference] of codes.slice(0, MOST_CODES).entries()) {
			const id = await this.#options.findCode(organisation, reference);
			if (id) ids.add(id);
			else reader.refuse(`codes[${index}]`, reference, "the id or slug of a code");
		}
		return [...ids];
	}
}

function readFormats(reader: FieldReader, formats: readonly string[] | undefined) {
	if (formats === undefined) return undefined;
	const read = reader.list("formats", formats, REPORT_FORMATS.length, (at, format) =>
		reader.oneOf(at, format, REPORT_FORMATS),
	);
	if (formats.length === 0) reader.refuse("formats", formats, "at least one format");
	return read && REPORT_FORMATS.filter((format) => read.includes(format));
}

function readZone(reader: FieldReader, name: string): string | undefined {
	const zone = typeof name === "string" ? timeZoneId(name) : undefined;
	if (zone === undefined) reader.refuse("timeZone", name, "an IANA time zone such as Europe/Berlin");
	return zone;
}

function publicReport({ id, name, period, codes, timeZone, formats, createdAt, updatedAt }: StoredReport): Report {
	return {
		...{ id, name, period, formats, createdAt, updatedAt },
		...(codes && { codes }),
		...(timeZone && { timeZone }),
	};
}

function unknownReport(id: string): CodedError {
	return new CodedError("not_found", `There is no report ${JSON.stringify(id)}`);
}
