/*
 * What the API asks MongoDB: whatever a caller wants to know, MongoDB finds it by an index and looks at little more than
 * it answers, however much of others is in the store. Every operation of the API's own description is tried; MongoDB's
 * profiler says what was done for them and for everything that goes on beside them.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { type Db, MongoClient } from "mongodb";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Code, Page } from "../../contracts/code.ts";
import type { JobRun } from "../../contracts/job.ts";
import { JOBS } from "../../contracts/job.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";
import { makeCrowd } from "../store/crowd.ts";
import { type Operation as Asked, readProfile, startProfile } from "../store/profiled.ts";
import { ago, DAY_MS, type DescribedApi, named, type Operation, startDescribed } from "./described-api.ts";

const CODES = 60;
const PAGE = path.join(import.meta.dirname, "..", "..", "docs", "mongodb.md");
/** A search for a part of a text looks at all codes of the organisation, and at none of others. */
const isSearch = ({ text }: Asked) => text.includes('"$or":[{"name":');

let client: MongoClient;
let db: Db;
let api: DescribedApi;
let codes: readonly Code[];
let key: Awaited<ReturnType<DescribedApi["running"]["key"]>>;

/** The indexes that a page lists by collection: the key, whether it is unique, when it expires, and whether it has only some. */
function listed(page: string): Record<string, string[]> {
	const sections = page.split(/^### /m).slice(1);
	return Object.fromEntries(
		sections.map((section) => {
			const name = /^`(\w+)`/.exec(section)?.[1] ?? section;
			const rows = [...section.matchAll(/^\| `(\{.*?\})`([^|]*)\|/gm)];
			const ofRow = ([, key = "", said = ""]: RegExpExecArray) => {
				const expires = /expires after (\d+) s/.exec(said)?.[1];
				const some = said.includes("where");
				return described(key, { unique: said.includes("unique"), expires: expires && Number(expires), some });
			};
			return [name, rows.map(ofRow).sort()];
		}),
	);
}

/** Those that exist; months of raw scans are one. */
async function existing(): Promise<Record<string, string[]>> {
	const found: Record<string, string[]> = {};
	for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
		if (name.startsWith("system.")) continue;
		const indexes = (await db.collection(name).indexes()).filter((index) => index.name !== "_id_");
		found[name.replace(/^scans_\d{6}$/, "scans_YYYYMM")] = indexes
			.map(({ key, unique = false, expireAfterSeconds: expires, partialFilterExpression }) => {
				const fields = Object.entries(key).map(([field, direction]) => `${field}: ${direction}`);
				return described(`{ ${fields.join(", ")} }`, { unique, expires, some: partialFilterExpression !== undefined });
			})
			.sort();
	}
	return found;
}

const described = (key: string, properties: object) => `${key} ${JSON.stringify(properties)}`;

beforeAll(async () => {
	const mongo = await realServer("mongo");
	client = new MongoClient(mongo.url);
	db = client.db();
	api = await startDescribed({ MONGO_URL: mongo.url });
	const { running } = api;
	codes = await Promise.all(
		Array.from({ length: CODES }, (_, n) =>
			running.code({ name: `Poster ${n % 7}`, tags: n % 3 ? ["wall"] : ["table", "wall"], active: n % 5 > 0 }),
		),
	);
	for (const [n, code] of codes.slice(0, 8).entries()) {
		const changes = { url: `https://example.org/${n}`, maxScans: 1_000_000 };
		await running.admin.patch(`/api/v1/codes/${code.id}`, changes);
	}
	const scans = Array.from({ length: 80 }, (_, n) => ({
		...{ code: codes[n % 10]?.slug, at: ago((n % 4) * 6 * 3_600_000 + n * 1_000), visitor: `v${n % 9}` },
		...{ country: n % 2 ? "DE" : "AT", userAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Firefox/125.0" },
		...(n % 8 ? {} : { id: `own-${n}` }),
	}));
	await running.admin.post("/api/v1/scans/batch", { scans });
	await until(async () => (await running.counted({})).scans === scans.length, { what: "all scans to be counted" });
	for (const job of JOBS) await run(job);
	key = await running.key(["analytics:read"]);
	await makeCrowd(db);
});
afterAll(() => client.close());

async function run(job: string): Promise<void> {
	const { admin } = api.running;
	const { runId } = await admin.post<{ runId: string }>(`/api/v1/jobs/${job}/run`, {});
	const ended = async () => {
		const { rows } = await admin.get<Page<JobRun>>(`/api/v1/jobs/${job}/runs`);
		const found = rows.find(({ id }) => id === runId);
		return found?.status === "succeeded" || found?.status === "failed" ? found : undefined;
	};
	const found = await until(ended, { what: `${job} to end`, timeoutMs: 30_000 });
	expect(found).toMatchObject({ status: "succeeded" });
}

/** The ways in which an operation's question may differ, as its query string says them. */
function variants({ method, path: route }: Operation): string[] {
	if (method !== "GET") return [""];
	const [one, two] = codes as [Code, Code];
	const lists = (fields: string[]) =>
		fields.flatMap((field) => [`?sort=${field}`, `?sort=-${field}&pageSize=5&page=2`]);
	if (route === "/api/v1/reports/{id}/runs") return ["", ...lists(["from"])];
	if (route === "/api/v1/keys" || route === "/api/v1/reports") return ["", ...lists(["createdAt", "name"])];
	if (route === "/api/v1/codes") {
		const filters = [
			"tag=wall",
			"tag=table&sort=name",
			"active=false",
			"active=true&sort=-slug",
			"search=poster",
			"search=x&tag=wall",
		];
		return ["", ...lists(["createdAt", "updatedAt", "name", "slug"]), ...filters.map((filter) => `?${filter}`)];
	}
	if (route === "/api/v1/ledger") return ["", `?from=${ago(DAY_MS)}&to=${ago(0)}`];
	if (!route.startsWith("/api/v1/analytics/")) return [""];
	const live = /\/(live|minutes)$/.test(route);
	const range = live
		? []
		: [`from=${ago(3 * DAY_MS)}`, `from=${ago(90 * DAY_MS)}&to=${ago(3_600_000)}&tz=Asia/Kathmandu`];
	const whose = [
		`code=${one.id}`,
		`code=${one.slug}&code=${two.id}`,
		"filter.country=DE",
		`filter.code=${two.id}`,
		"bots=true",
	];
	const questions = ["", ...whose, ...range, ...range.flatMap((span) => whose.map((of) => `${span}&${of}`))];
	if (route.endsWith("/summary")) questions.push("compare=previous", `from=${ago(2 * DAY_MS)}&compare=previous`);
	const of = route.endsWith("/breakdown")
		? ["by=country&", "by=code&"]
		: route.endsWith("/timeseries")
			? ["interval=hour&", "interval=month&"]
			: route.endsWith("/export")
				? ["what=scans&format=ndjson&", "what=timeseries&interval=quarter&", "what=breakdown&by=code&"]
				: [""];
	return of.flatMap((which) => questions.map((question) => `?${which}${question}`));
}

async function tryOut(operation: Operation): Promise<void> {
	const place = operation.path.startsWith("/api/v1/keys") ? operation.path.replace("{id}", key.id) : api.at(operation);
	const bodies = api.rightBodies();
	bodies["PATCH /api/v1/codes/{id}"] = { ...bodies["PATCH /api/v1/codes/{id}"], slug: "edited" };
	for (const variant of variants(operation)) {
		const answer = await api.running.ask(operation.method, place + variant, {
			headers: api.headersFor(operation),
			body: operation.body && JSON.stringify(bodies[named(operation)] ?? {}),
		});
		const text = await answer.text();
		const refused = ["POST /api/v1/session", "GET /sign-in/{token}"].includes(named(operation));
		const ok = answer.status < 400 || (refused && answer.status < 500);
		expect(ok ? "" : `${named(operation)}${variant}: ${answer.status} ${text}`).toBe("");
	}
}

test("no question that a caller can ask, and nothing that goes on beside, looks through a collection", async () => {
	const order = ["GET", "POST", "PATCH", "DELETE"];
	const operations = api.operations.toSorted((a, b) => order.indexOf(a.method) - order.indexOf(b.method));
	const last = operations.filter(({ method, path: route }) => method === "DELETE" && route === "/api/v1/session");
	await startProfile(db);
	// Also what is asked within a question shows itself: it fails.
	await client.db("admin").command({ setParameter: 1, notablescan: true });
	await key.client.get("/api/v1/analytics/summary");
	for (const operation of operations) if (!last.includes(operation)) await tryOut(operation);
	for (const operation of last) await tryOut(operation);
	for (const job of JOBS) await run(job);
	// Gateways ask for what they missed by and by.
	const reconciled = async () => (await readProfile(db)).some(({ text }) => text.includes('"changedAt":{"$gte"'));
	await until(reconciled, { what: "a gateway to ask what changed", timeoutMs: 30_000 });
	const asked = await readProfile(db);
	await client.db("admin").command({ setParameter: 1, notablescan: false });

	expect(asked.length).toBeGreaterThan(300);
	expect(asked.filter(({ scans }) => scans).map(({ text }) => text)).toEqual([]);
	const unbounded = asked.filter(({ sorts, limited, returned }) => sorts && !limited && returned > 100);
	expect(unbounded.map(({ text }) => text)).toEqual([]);
	const tooMuch = asked.filter((one) => !isSearch(one) && one.examined > one.returned * 10 + 100);
	expect(tooMuch.map(({ text, examined, returned }) => `${examined} for ${returned}: ${text}`)).toEqual([]);
	const searches = asked.filter(isSearch);
	expect(searches.length).toBeGreaterThan(0);
	for (const { examined } of searches) expect(examined).toBeLessThanOrEqual(CODES + 10);
});

test("the page about MongoDB lists exactly the collections and indexes that there are", async () => {
	expect(listed(await readFile(PAGE, "utf8"))).toEqual(await existing());
});
