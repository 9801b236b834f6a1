/*
 * A disk that is really full, and the whole product on it: who posts is told so and when to come again, phones are sent on,
 * an operator sees both, and when there is room again everything that was acknowledged is counted, and nothing else.
 */
import path from "node:path";
import { expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { Caller } from "../../scripts/chaos/ask.ts";
import { groupOf, nameOf } from "../../scripts/chaos/crowd.ts";
import { judge } from "../../scripts/chaos/judgement.ts";
import { Numbers } from "../../scripts/chaos/numbers.ts";
import { type Outcome, readRecord, ScanRecord } from "../../scripts/chaos/record.ts";
import { api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { type Disk, frozenFiles, smallFileSystem } from "../harness/full-disk.ts";
import { type Product, startProduct, until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const KEY = "full-disk-admin-key-1";
const BATCH = 200;
const DISK_MIB = 32;
const LOST = 5;

interface Health {
	readonly status: string;
	readonly checks: Readonly<Record<string, { readonly status: string; readonly detail?: string }>>;
}

/** Who scans the one code of a product, and keeps a record of each scan under its name. */
class Scanner {
	readonly file: string;
	readonly #record: ScanRecord;
	readonly #url: string;
	readonly #slug: string;

	constructor(folder: string, url: string, slug: string) {
		this.file = path.join(folder, "scans.ndjson");
		this.#record = new ScanRecord(this.file);
		this.#url = url;
		this.#slug = slug;
	}

	/** Posts scans; what is refused is not sent again. */
	async post(count: number): Promise<Response> {
		const made = Array.from({ length: count }, () => ({ code: 0, source: "api", at: Date.now(), bot: false }) as const);
		const sent = this.#record.sent(made);
		const scans = sent.map(({ key }) => ({ code: this.#slug, utm: { medium: groupOf(key), campaign: nameOf(key) } }));
		const response = await api(this.#url, KEY).request("POST", "/api/v1/scans/batch", { scans });
		this.#record.became(sent, response.status === 202 ? "acknowledged" : "refused");
		return response;
	}

	async follow(): Promise<Response> {
		const [sent] = this.#record.sent([{ code: 0, source: "qr", at: Date.now(), bot: false }]);
		const key = sent?.key ?? 0;
		const tags = `utm_medium=${groupOf(key)}&utm_campaign=${nameOf(key)}`;
		const response = await api(this.#url).request("GET", `/q/${this.#slug}?${tags}`);
		const outcome: Outcome = response.headers.has("x-scan-id") ? "acknowledged" : "hurried";
		if (sent) this.#record.became([sent], outcome);
		return response;
	}

	close(): void {
		this.#record.close();
	}
}

async function startScanning(product: Product): Promise<Scanner> {
	const { slug } = await api(product.url, KEY).post<Code>("/api/v1/codes", { url: "https://example.org/" });
	const scanner = new Scanner(await temporaryFolder(), product.url, slug);
	for (let n = 0; n < 5; n++) expect((await scanner.post(BATCH)).status).toBe(202);
	await until(async () => (await scanner.follow()).headers.has("x-scan-id"), { what: "a scan to be kept in time" });
	return scanner;
}

/** Until nothing more is taken: then what everybody meets. */
async function expectFull({ url }: Product, scanner: Scanner): Promise<void> {
	const untilRefused = (count: number) =>
		until(
			async () => {
				const response = await scanner.post(count);
				return response.status !== 202 && response;
			},
			{ what: `no ${count} scans to be taken any more`, timeoutMs: 30_000, everyMs: 0 },
		);
	// Where many do not fit, one may.
	await untilRefused(BATCH);
	const refused = await untilRefused(1);
	expect(refused.status).toBe(503);
	expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
	expect(await refused.json()).toMatchObject({ status: 503, code: "log_unavailable" });

	let lost = 0;
	await until(
		async () => {
			const { status, headers } = await scanner.follow();
			expect([status, headers.get("location")]).toEqual([302, expect.stringContaining("example.org")]);
			if (!headers.has("x-scan-id")) lost++;
			return lost === LOST;
		},
		{ what: `${LOST} redirects whose scans are not kept`, everyMs: 0 },
	);
	const ready = await until(
		async () => {
			const response = await api(url).request("GET", "/health/ready");
			const health = (await response.json()) as Health;
			const [, said] = /(\d+) scans of redirects were lost/.exec(health.checks.spool?.detail ?? "") ?? [];
			return Number(said) >= LOST && { response, health };
		},
		{ what: "the losses in the health report" },
	);
	expect(ready.response.status).toBe(200);
	expect(ready.health).toMatchObject({ status: "degraded", checks: { spool: { status: "degraded" } } });
	expect(ready.health.checks.spool?.detail).toContain("takes no scans");
}

/** Everything that was acknowledged is counted once, by its name, and the books balance. */
async function expectExact(product: Product, scanner: Scanner): Promise<void> {
	scanner.close();
	const scans = readRecord(scanner.file);
	const caller = new Caller(product.url, KEY);
	atEndOfFile(async () => caller.close());
	const numbers = new Numbers(caller);
	const judgement = async () => judge(scans, await numbers.byName(scans.length));
	await until(async () => (await judgement()).lost === 0, {
		what: "what was acknowledged to be counted",
		timeoutMs: 30_000,
	});
	const ledger = await until(
		async () => {
			const books = await numbers.ledger();
			return books.balanced && books.inFlight === 0 && books;
		},
		{ what: "the books to balance" },
	);
	expect(ledger).toMatchObject({ duplicate: 0, missing: 0, dropped: {} });
	expect((await judgement()).violations).toEqual([]);
}

test.each<[string, () => Promise<Disk>]>([
	["a file system without a free byte", () => smallFileSystem(DISK_MIB)],
	["files that take no write at all", frozenFiles],
])(
	"embedded, %s: POSTs are refused with 503, redirects go on and their loss is counted, and all that was acknowledged is counted after a restart",
	{
		timeout: 120_000,
	},
	async (_, makeDisk) => {
		const disk = await makeDisk();
		const options = { env: { SCANPULSE_ADMIN_KEY: KEY, RATE_LIMITS: "off" }, dataDir: disk.dir, within: disk.within };
		const full = await startProduct(options);
		const scanner = await startScanning(full);
		await disk.fill(full);
		await expectFull(full, scanner);

		await disk.free(full);
		await until(async () => (await scanner.post(1)).status === 202, { what: "scans to be taken again" });
		await full.kill();
		await expectExact(await startProduct(options), scanner);
	},
);

test.each<[string, () => Promise<Disk>]>([
	["a file system without a free byte", () => smallFileSystem(DISK_MIB)],
	["files that take no write at all", frozenFiles],
])(
	"without NATS, %s: the same, and all that was acknowledged is counted when NATS is back, though the disk is still full",
	{
		timeout: 120_000,
	},
	async (_, makeDisk) => {
		const [disk, nats, mongo] = await Promise.all([makeDisk(), realServer("nats"), realServer("mongo")]);
		const env = { SCANPULSE_ADMIN_KEY: KEY, RATE_LIMITS: "off", NATS_URL: nats.url, MONGO_URL: mongo.url };
		const product = await startProduct({ env, dataDir: disk.dir, within: disk.within });
		const scanner = await startScanning(product);
		await nats.kill();
		await until(async () => (await api(product.url).get<Health>("/health/ready")).status === "degraded", {
			what: "NATS to be missed",
		});
		for (let n = 0; n < 5; n++) expect((await scanner.post(BATCH)).status).toBe(202);
		await disk.fill(product);
		await expectFull(product, scanner);

		await nats.restart();
		await until(async () => (await scanner.post(1)).status === 202, {
			what: "scans to be taken again",
			timeoutMs: 20_000,
		});
		await expectExact(product, scanner);
	},
);
