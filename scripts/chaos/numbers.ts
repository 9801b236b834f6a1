/*
 * The product's numbers as its public API gives them: each scan by its name, and the same scans counted in every way that
 * there is.
 */
import type { Breakdown, Ledger, Summary, TimeSeries } from "../../contracts/analytics.ts";
import type { JobName, JobRun } from "../../contracts/job.ts";
import { type Counts, DIMENSIONS } from "../../contracts/scan.ts";
import { until } from "../servers/until.ts";
import type { Caller } from "./ask.ts";
import { GROUP_SIZE, groupOf } from "./crowd.ts";

const RANGE_DAYS = 60;
const DAY_MS = 86_400_000;
const JOB_LIMIT_MS = 60_000;
const ALL = "bots=true&limit=300";
/** Reads raw scans: a filter across all values of one dimension. */
const RAW = "filter.source=api&filter.source=qr&filter.source=link";

/** All scans, bots among them, as one way of counting has them. */
export interface Way {
	readonly name: string;
	readonly scans: number;
}

export class Numbers {
	readonly #caller: Caller;
	readonly #from = Date.now() - RANGE_DAYS * DAY_MS;
	#asked = 0;

	constructor(caller: Caller) {
		this.#caller = caller;
	}

	/** Each question is another one, so that no answer comes from a cache. */
	#analytics<T>(what: string, query: string): Promise<T> {
		const from = new Date(this.#from - (this.#from % DAY_MS) - DAY_MS - this.#asked++).toISOString();
		return this.#caller.json<T>("GET", `/api/v1/analytics/${what}?from=${from}&${query}`);
	}

	ledger(): Promise<Ledger> {
		return this.#caller.json("GET", "/api/v1/ledger");
	}

	summary(code?: string): Promise<Summary> {
		return this.#analytics("summary", code === undefined ? "" : `code=${code}`);
	}

	/** How often each of the first `scans` names is in the store, read back raw. */
	async byName(scans: number): Promise<Map<string, number>> {
		const found = new Map<string, number>();
		for (let key = 0; key < scans; key += GROUP_SIZE) {
			const query = `by=utm_campaign&filter.utm_medium=${groupOf(key)}&${ALL}`;
			const { rows, other } = await this.#analytics<Breakdown>("breakdown", query);
			if (other > 0) throw new Error(`${groupOf(key)} holds ${other} scans besides its ${rows.length} names`);
			for (const { value, scans: count } of rows) found.set(value, (found.get(value) ?? 0) + count);
		}
		return found;
	}

	async byCode(): Promise<Map<string, number>> {
		const { rows } = await this.#analytics<Breakdown>("breakdown", `by=code&${ALL}`);
		return new Map(rows.map(({ value, scans }) => [value, scans]));
	}

	/** Scans of each day (UTC, `YYYY-MM-DD`) that had some. */
	async byDay(): Promise<Map<string, number>> {
		const { points } = await this.#analytics<TimeSeries>("timeseries", "interval=day&bots=true");
		return new Map(points.filter(({ scans }) => scans > 0).map(({ at, scans }) => [at.slice(0, 10), scans]));
	}

	/** Everything, counted in every way that the API has. */
	async inEveryWay(): Promise<Way[]> {
		const ways: Way[] = [];
		const note = (name: string, scans: number) => void ways.push({ name, scans });
		note("ledger.stored", (await this.ledger()).stored);
		note("summary", (await this.#analytics<Summary>("summary", "bots=true")).scans);
		const { scans, bots } = await this.summary();
		note("summary without bots, and bots", scans + bots);
		note("summary of raw scans", (await this.#analytics<Summary>("summary", `bots=true&${RAW}`)).scans);
		for (const interval of ["hour", "day", "week", "month"]) {
			const { points } = await this.#analytics<TimeSeries>("timeseries", `interval=${interval}&bots=true`);
			note(`timeseries by ${interval}`, sumOf(points));
		}
		for (const by of DIMENSIONS) {
			const { rows, other, total } = await this.#analytics<Breakdown>("breakdown", `by=${by}&${ALL}`);
			note(`breakdown by ${by}`, total);
			note(`rows and others by ${by}`, sumOf(rows) + other);
		}
		return ways;
	}

	/** Runs a job by hand. @returns its run when it has ended */
	async run(job: JobName): Promise<JobRun> {
		const { runId } = await this.#caller.json<{ runId: string }>("POST", `/api/v1/jobs/${job}/run`);
		const path = `/api/v1/jobs/${job}/runs?pageSize=20`;
		return until(
			async () => {
				const { rows } = await this.#caller.json<{ rows: JobRun[] }>("GET", path);
				return rows.find(({ id, status }) => id === runId && (status === "succeeded" || status === "failed"));
			},
			{ what: `${job} to end`, timeoutMs: JOB_LIMIT_MS, everyMs: 200 },
		);
	}
}

const sumOf = (parts: readonly Pick<Counts, "scans">[]) => parts.reduce((sum, { scans }) => sum + scans, 0);
