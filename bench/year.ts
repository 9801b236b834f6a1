/*
 * What answers cost when a year has been counted: loads so many scans over so many codes through the product's own
 * `ingest`, closes days and months with its own job, holds the answers against what was generated, and asks for the
 * dashboard's whole first screen at once (summary with comparison, days, five breakdowns, hours of the week) of the
 * organisation, and for summaries under filters over 30 days. Asked of the analytics actor itself, without HTTP and without
 * a cache; every size has a store of its own.
 *
 *     node scripts/launch.cjs bench/year.ts [--scans 1000000,3000000,10000000] [--store mongo|sqlite] [--codes 1000]
 *         [--batch 4000] [--partitions 4] [--rounds 40] [--seed 1] [--keep DIR]
 *
 * With `--keep`, the store of one size stays in DIR and is measured again, without loading, by the next run with it.
 *
 * Ends with 1 when a sum is wrong, the screen took longer than 50 ms (p95) in the organisation's zone or 2 s in another, or
 * a filter longer than 1 s.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { DEFAULT_ORGANISATION as organisation } from "../contracts/account.ts";
import type { AnalyticsQuery, Filter } from "../contracts/analytics.ts";
import type { AcceptedScan, Dimension } from "../contracts/scan.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { call } from "../platform/actors.ts";
import { readConfig } from "../platform/config.ts";
import { createPlatform } from "../platform/platform.ts";
import { openMongoStore } from "../platform/store/mongo-store.ts";
import type { ScanStore } from "../platform/store/scan-store.ts";
import { startMongo } from "../scripts/servers/start.ts";
import accounts from "../services/accounts/accounts.service.ts";
import analytics from "../services/analytics/analytics.service.ts";
import codes from "../services/codes/codes.service.ts";
import { type AggregationReport, aggregateDays } from "../services/cron/daily-aggregation.ts";
import { ms, rate } from "./load/figures.ts";
import { mongoBytes, type Sizes, sqliteBytes } from "./year/bytes.ts";
import { load } from "./year/load.ts";
import { YEAR_MS, yearOfScans } from "./year/scans.ts";
import { type Screen, Tally } from "./year/tally.ts";

const OWN_ZONE = "Europe/Berlin";
const OTHER_ZONE = "America/New_York";
const GOALS = { own: 50, other: 2_000, filter: 1_000 };
const LISTS = ["code", "country", "device", "placement", "referrer"] as const satisfies readonly Dimension[];
const FILTERS: readonly (readonly Filter[])[] = [
	[{ dimension: "country", values: ["DE", "AT"] }],
	[
		{ dimension: "country", values: ["US"] },
		{ dimension: "device", values: ["desktop"] },
		{ dimension: "browser", values: ["Firefox", "Edge"] },
	],
	[
		{ dimension: "source", values: ["link"] },
		{ dimension: "referrer", values: ["(none)"] },
	],
	[
		{ dimension: "utm_medium", values: ["print"] },
		{ dimension: "os", values: ["iOS"] },
	],
];
const FILTERED_DAYS = 30;
const YEAR_FILE = "year.json";

const { values: given } = parseArgs({
	options: {
		scans: { type: "string", default: "1000000" },
		store: { type: "string", default: "mongo" },
		codes: { type: "string", default: "1000" },
		batch: { type: "string", default: "4000" },
		partitions: { type: "string", default: "4" },
		rounds: { type: "string", default: "40" },
		seed: { type: "string", default: "1" },
		keep: { type: "string" },
	},
});

/** How a store was loaded, kept beside it. */
interface Year {
	readonly store: string;
	readonly scans: number;
	readonly seed: number;
	/** Epoch ms. */
	readonly until: number;
	readonly codes: readonly { readonly id: string; readonly slug: string }[];
}

interface Product {
	readonly broker: ServiceBroker;
	readonly store: ScanStore;
	/** A store for each partition, as each owner of one has its own. */
	readonly writers: readonly ScanStore[];
	bytes(): Promise<Sizes>;
	close(name: string): Promise<Pick<AggregationReport, "days" | "months" | "hours"> & { readonly seconds: number }>;
}

/** Ends with the process, once a signal asked for it and all was closed. */
const ended = Promise.withResolvers<never>();
let interrupted = false;

/** What analytics needs of the product, in this process, for as long as `work` lasts. */
async function withProduct(work: (product: Product) => Promise<void>): Promise<void> {
	await using stack = new AsyncDisposableStack();
	const interrupt = () => {
		interrupted = true;
		void stack.disposeAsync().finally(() => process.exit(130));
	};
	for (const signal of ["SIGINT", "SIGTERM"] as const) {
		process.once(signal, interrupt);
		stack.defer(() => void process.off(signal, interrupt));
	}
	const dir = given.keep ?? (await mkdtemp(path.join(tmpdir(), "scanpulse-bench-year-")));
	if (!given.keep) stack.defer(() => rm(dir, { recursive: true, force: true }));
	const mongo = given.store === "mongo" ? await startMongo({ dir: path.join(dir, "mongo") }) : undefined;
	if (mongo) stack.defer(() => mongo.stop());
	const env = { DATA_DIR: path.join(dir, "data"), LOG_LEVEL: "error", ...(mongo && { MONGO_URL: mongo.url }) };
	const config = readConfig(env);
	const platform = createPlatform(config);
	stack.defer(() => platform.close());
	const broker = new ServiceBroker({ ...brokerOptions(config), requestTimeout: 60_000 });
	for (const actor of [accounts, codes, analytics]) broker.createService(actor(platform) as ServiceSchema);
	await broker.start();
	stack.defer(() => broker.stop());
	const store = await platform.store();
	const partitions = Array.from({ length: mongo ? Number(given.partitions) : 1 });
	const writers = await Promise.all(partitions.map(() => (mongo ? openMongoStore({ url: mongo.url }) : store)));
	if (mongo) stack.defer(async () => void (await Promise.all(writers.map((writer) => writer.close()))));
	await work({
		...{ broker, store, writers },
		bytes: async () => (mongo ? mongoBytes(mongo.url) : sqliteBytes(path.join(config.dataDir, "store.db"))),
		async close(name) {
			const begun = performance.now();
			const lease = await (await platform.records()).acquire(name, "year", 3_600_000);
			if (!lease) throw new Error("The lease is taken");
			const { signal } = new AbortController();
			const options = { store, timeZoneOf: async () => OWN_ZONE };
			const { days, months, hours } = await aggregateDays(options, { params: {}, lease, signal });
			return { days, months, hours, seconds: (performance.now() - begun) / 1_000 };
		},
	});
}

async function makeCodes(broker: ServiceBroker, count: number) {
	const made = [];
	for (let n = 0; n < count; n++) {
		const code = { slug: `poster-${n}`, url: "https://example.com/landing", name: `Poster ${n}` };
		made.push(await call(broker, "codes.create", { organisation, code, by: "bench" }));
	}
	return made;
}

/** All that the dashboard asks when it is opened, at once as it does. */
async function askScreen(broker: ServiceBroker, query: AnalyticsQuery): Promise<Screen> {
	const [summary, series, heatmap, ...breakdowns] = await Promise.all([
		call(broker, "analytics.summary", { organisation, query: { ...query, compare: "previous" } }),
		call(broker, "analytics.timeseries", { organisation, query, interval: "day" }),
		call(broker, "analytics.heatmap", { organisation, query }),
		...LISTS.map((by) => call(broker, "analytics.breakdown", { organisation, query, by, limit: 10 })),
	]);
	return {
		...{ summary: summary.answer, series: series.answer, heatmap: heatmap.answer },
		breakdowns: breakdowns.map(({ answer }) => answer),
	};
}

/** p50 and p95 of asking again and again, ms. */
async function timed(rounds: number, ask: () => Promise<unknown>): Promise<{ p50: number; p95: number }> {
	const times: number[] = [];
	// The first two find nothing in memory, the compiler's either.
	for (let round = -2; round < rounds; round++) {
		const begun = performance.now();
		await ask();
		if (round >= 0) times.push(performance.now() - begun);
	}
	times.sort((a, b) => a - b);
	const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] as number;
	return { p50: at(0.5), p95: at(0.95) };
}

function show(what: string, { p50, p95 }: { readonly p50: number; readonly p95: number }, goal: number): void {
	console.log(`  ${what.padEnd(52)} p50 ${ms(p50)}, p95 ${ms(p95)}${p95 > goal ? `, more than ${ms(goal)}` : ""}`);
	if (p95 > goal) process.exitCode = 1;
}

/** How the store in the folder that is kept was loaded. @throws Error when it is another year than asked for */
async function loadedYear(scans: number): Promise<Year | undefined> {
	if (!given.keep) return undefined;
	const text = await readFile(path.join(given.keep, YEAR_FILE), "utf8").catch(() => undefined);
	if (text === undefined) return undefined;
	const year: Year = JSON.parse(text);
	if (year.store === given.store && year.scans === scans && year.seed === Number(given.seed)) return year;
	throw new Error(
		`${given.keep} holds ${year.scans} scans of seed ${year.seed} in ${year.store}, which is another year`,
	);
}

/** Loads what is generated, and counts it. */
async function fill(year: Year, generated: Iterable<AcceptedScan>, writers: readonly ScanStore[], tally: Tally) {
	const { stored, seconds } = await load(writers, generated, Number(given.batch), (scan) => tally.add(scan));
	if (stored !== year.scans) throw new Error(`${stored} scans were stored of ${year.scans}`);
	if (given.keep) await writeFile(path.join(given.keep, YEAR_FILE), JSON.stringify(year));
	console.log(`  counted in ${seconds.toFixed(1)} s, ${rate(year.scans / seconds)}`);
}

async function measure(scans: number, { broker, writers, bytes, close }: Product): Promise<void> {
	await call(broker, "accounts.updateOrganisation", { organisation, changes: { timeZone: OWN_ZONE } });
	const loaded = await loadedYear(scans);
	const year: Year = loaded ?? {
		...{ store: given.store, scans, seed: Number(given.seed), until: Date.now() },
		codes: await makeCodes(broker, Number(given.codes)),
	};
	const from = Temporal.Instant.fromEpochMilliseconds(year.until - YEAR_MS)
		.toZonedDateTimeISO(OWN_ZONE)
		.toPlainDate();
	const lately = Temporal.Now.plainDateISO(OWN_ZONE).subtract({ days: FILTERED_DAYS });
	const begin = lately.toZonedDateTime(OWN_ZONE).epochMilliseconds;
	const tally = new Tally(
		LISTS,
		FILTERS.map((filters) => ({ from: begin, filters })),
	);
	console.log(`${given.store}: ${scans.toLocaleString("en")} scans over ${year.codes.length} codes`);
	const generated = yearOfScans({ ...year, organisation });
	if (loaded) for (const scan of generated) tally.add(scan);
	else await fill(year, generated, writers, tally);
	const closed = await close("cron");
	console.log(
		`  ${closed.days} days, ${closed.months} months and ${closed.hours} hours of today closed in ${closed.seconds.toFixed(1)} s`,
	);
	const sizes = [...(await bytes())].sort(([, a], [, b]) => b - a);
	const each = sizes.filter(([, size]) => size >= scans).map(([name, size]) => `${name} ${Math.round(size / scans)}`);
	const all = sizes.reduce((sum, [, size]) => sum + size, 0);
	console.log(`  bytes a scan: ${Math.round(all / scans)}, of these ${each.join(", ")}`);

	const rounds = Number(given.rounds);
	for (const tz of [OWN_ZONE, OTHER_ZONE]) {
		const own = tz === OWN_ZONE;
		const query = { from: from.toString(), tz };
		tally.checkScreen(await askScreen(broker, query));
		const took = await timed(own ? rounds : Math.ceil(rounds / 4), () => askScreen(broker, query));
		show(`the screen over the year in ${own ? "its own zone" : tz}`, took, own ? GOALS.own : GOALS.other);
	}
	const recent = { from: lately.toString(), tz: OWN_ZONE };
	show("the screen over 30 days", await timed(rounds, () => askScreen(broker, recent)), GOALS.own);
	for (const [index, filters] of FILTERS.entries()) {
		const query = { ...recent, filters };
		const ask = () => call(broker, "analytics.summary", { organisation, query });
		tally.checkFiltered(index, (await ask()).answer);
		const name = filters.map(({ dimension, values }) => `${dimension}=${values.join("|")}`).join(" ");
		show(name, await timed(Math.ceil(rounds / 4), ask), GOALS.filter);
	}
	const [one = []] = FILTERS;
	const filtered = { ...recent, filters: one };
	show("the screen over 30 days under the first of them", await timed(3, () => askScreen(broker, filtered)), Infinity);
}

for (const scans of given.scans.split(",").map(Number)) {
	// What was under way when it was interrupted fails, and is of no interest.
	await withProduct((product) => measure(scans, product)).catch((error: unknown) => {
		if (!interrupted) throw error;
		return ended.promise;
	});
}
