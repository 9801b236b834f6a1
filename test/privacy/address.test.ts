/*
 * A visitor's address is used at the gateway and nowhere else: it is in no message, file, store or log line, whichever way
 * it came and whatever went wrong, with every log line there is.
 */
import path from "node:path";
import { MongoClient } from "mongodb";
import { connect } from "nats";
import { expect, test } from "vitest";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { startStack } from "../../scripts/stack/start.ts";
import { type Api, api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startProduct } from "../harness/product.ts";
import { filesWith, tracesOf } from "./traces.ts";

const KEY = "a-key-for-the-tests-0005";
const FORWARDED = "203.0.113.77";
const FORWARDED_V6 = "2001:db8:77:5e1f::a11c";
const POSTED = "198.51.100.23";
const TRACES = [FORWARDED, FORWARDED_V6, POSTED].flatMap(tracesOf);
/** Four bytes are in any hundred megabytes by chance: where others keep so much, they are not looked for. */
const LONG_TRACES = TRACES.filter(({ length }) => length > 4);
const ENV = { SCANPULSE_ADMIN_KEY: KEY, TRUST_PROXY: "1", LOG_LEVEL: "trace" };

const addressed = (address: string) => ({
	"x-forwarded-for": address,
	"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X)",
});

/** Scans of all kinds; how many are to be counted. */
async function scanAll(client: Api, { id, slug }: Code): Promise<number> {
	for (const address of [FORWARDED, FORWARDED_V6]) {
		for (const method of ["GET", "HEAD"] as const) {
			expect((await client.request(method, `/q/${slug}/door`, undefined, addressed(address))).status).toBe(302);
		}
	}
	const scan = { code: id, ip: POSTED, userAgent: "Mozilla/5.0 (Linux; Android 14)" };
	await client.post("/api/v1/scans", scan);
	await client.post("/api/v1/scans/batch", { scans: [scan, { ...scan, visitor: "v" }] });
	return 5;
}

/** Requests that are refused, for all kinds of reasons; with which statuses. */
async function beRefused(client: Api, { id }: Code): Promise<number[]> {
	const scan = { code: id, ip: POSTED };
	const headers = addressed(FORWARDED);
	const stranger = { ...headers, authorization: "Bearer spk_of_nobody" };
	const signIn = { email: "nobody@example.org", password: "not the password" };
	const answers = [
		client.request("GET", "/q/nobody", undefined, headers),
		client.request("GET", "/api/v1/nothing", undefined, headers),
		client.request("POST", "/api/v1/session", signIn, headers),
		client.request("GET", "/api/v1/codes", undefined, stranger),
		client.request("POST", "/api/v1/scans", { ...scan, code: "nobody" }),
		client.request("POST", "/api/v1/scans", { ...scan, unknown: 1 }),
		client.request("POST", "/api/v1/scans", `{"ip":"${POSTED}"`),
	];
	return (await Promise.all(answers)).map(({ status }) => status);
}

const REFUSED = [404, 404, 401, 401, 422, 422, 400];

async function allCounted(client: Api, scans: number): Promise<void> {
	await until(
		async () => {
			const from = new Date(Date.UTC(2020, 0, 1) + Math.floor(performance.now())).toISOString();
			return (await client.get<Summary>(`/api/v1/analytics/summary?bots=true&from=${from}`)).scans >= scans;
		},
		{ what: `${scans} scans to be counted`, timeoutMs: 20_000 },
	);
}

const holds = (text: string | Buffer) => TRACES.filter((trace) => Buffer.from(text).includes(trace)).map(String);

test("in one process, no file and no log line holds it", async () => {
	const product = await startProduct({ env: ENV });
	const client = api(product.url, KEY);
	const code = await client.post<Code>("/api/v1/codes", { url: "https://example.org/" });
	expect(await beRefused(client, code)).toEqual(REFUSED);
	await allCounted(client, await scanAll(client, code));
	expect(await filesWith(product.dataDir, TRACES)).toEqual([]);
	await product.stop();
	expect(await filesWith(product.dataDir, TRACES)).toEqual([]);
	expect(holds(product.output())).toEqual([]);
	// What is looked for in the same way is found, when it is there.
	expect((await filesWith(product.dataDir, [Buffer.from(code.id)])).length).toBeGreaterThan(1);
});

test("in the stack, no message, document, file, spool or log line holds it", { timeout: 120_000 }, async () => {
	const dir = await temporaryFolder();
	const stack = await startStack({ dir, port: 0, env: ENV, restarts: false });
	atEndOfFile(() => stack.close());
	const client = api(stack.url, KEY);

	const listener = await connect({ servers: stack.env.NATS_URL, reconnect: false });
	const messages: Buffer[] = [];
	listener.subscribe(">", {
		callback: (_error, { subject, data }) => void messages.push(Buffer.concat([Buffer.from(subject), data])),
	});
	await listener.flush();
	const code = await client.post<Code>("/api/v1/codes", { url: "https://example.org/" });
	expect(await beRefused(client, code)).toEqual(REFUSED);
	let expected = await scanAll(client, code);
	await allCounted(client, expected);
	expect(messages.some((message) => message.includes(code.id))).toBe(true);
	expect(messages.flatMap(holds)).toEqual([]);
	await listener.close();

	const mongo = new MongoClient(stack.env.MONGO_URL);
	atEndOfFile(() => mongo.close());
	let documents = "";
	for (const { name } of await mongo.db().listCollections().toArray()) {
		for await (const document of mongo.db().collection(name).find())
			documents += `${name} ${JSON.stringify(document)}\n`;
	}
	expect(documents).toContain(code.id);
	expect(holds(documents)).toEqual([]);
	await mongo.close();

	await stack.kill("nats");
	expected += await scanAll(client, code);
	await beRefused(client, code);
	const spools = (await filesWith(path.join(dir, "data"), [Buffer.from(code.id)])).filter((file) => /spool/.test(file));
	expect(spools.length).toBeGreaterThan(0);
	expect(await filesWith(path.join(dir, "data"), LONG_TRACES)).toEqual([]);
	await stack.start("nats");
	await until(() => client.get("/api/v1/codes").then(() => true), { what: "the actors", timeoutMs: 10_000 });
	await allCounted(client, expected);
	await stack.close();
	expect(await filesWith(dir, LONG_TRACES)).toEqual([]);
	for (const member of ["gateway-1", "gateway-2", "nats"]) {
		expect(await filesWith(path.join(dir, "data", member), TRACES)).toEqual([]);
	}
	expect(await filesWith(path.join(dir, "logs"), [Buffer.from("gateway")])).not.toEqual([]);
});
