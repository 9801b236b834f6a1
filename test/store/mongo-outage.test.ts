/**
 * The scan store while processes die: an owner in the middle of a commit, and MongoDB itself. Nothing is lost, nothing
 * is counted twice, and nobody waits long.
 */

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import type { ScanMessage } from "../../platform/log/message.ts";
import { openMongoStore } from "../../platform/store/mongo-store.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { type OwnedProcess, startProcess } from "../../scripts/servers/process.ts";
import { type RunningServer, startMongo } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import { NOON, Producer, read, scan } from "./scans.ts";
import { Feeder } from "./suite/feeder.ts";
import { selection } from "./suite/with-store.ts";

let dir: string;
let server: RunningServer;
const opened: ScanStore[] = [];

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-mongo-outage-"));
	server = await startMongo({ dir });
});
afterEach(() => Promise.all(opened.splice(0).map((store) => store.close())));
afterAll(async () => {
	await server.stop();
	await rm(dir, { recursive: true, force: true });
});

async function open(database: string): Promise<ScanStore> {
	const store = await openMongoStore({ url: server.url, database });
	opened.push(store);
	return store;
}

const thawFile = (database: string) => path.join(dir, `${database}.thaw`);

/** Starts an owner of partition 0 and waits until it stands still with its transaction open. */
const freezeOwner = (database: string) => freeze(new URL("./frozen-owner.ts", import.meta.url), database);

/** Starts a leader of the clock and waits until it stands still with its transaction open. */
const freezeLeader = (database: string) => freeze(new URL("./frozen-leader.ts", import.meta.url), database);

async function freeze(script: URL, database: string): Promise<OwnedProcess> {
	const args = [fileURLToPath(script), server.url, database, thawFile(database)];
	const frozen = startProcess({ command: process.execPath, args });
	await until(() => frozen.output().includes("frozen\n"), { what: `${script.pathname} to freeze` });
	return frozen;
}

/** Applies messages as the scans actor does: waits for a store that is away, reads again when it lost the claim. */
async function applyAll(store: ScanStore, messages: readonly ScanMessage[], applied: (position: number) => void) {
	let failures = 0;
	for (;;) {
		try {
			const { claim, position } = await store.claim(0, "owner");
			for (let from = position; from < messages.length; ) {
				const batch = read(messages.slice(from, from + 3), from);
				const [part] = await store.ingest([{ partition: 0, claim, log: "log", from, messages: batch }]);
				from = part?.to ?? from;
				applied(from);
			}
			return failures;
		} catch (error) {
			expect(["unavailable", "claim_lost"]).toContain(codeOf(error));
			failures++;
		}
	}
}

test("an owner killed in the middle of a commit is followed within 5 s, and its scans count once", async () => {
	const store = await open("killed");
	const first = await Feeder.claim(store);
	await first.feed([scan()]);
	const owner = await freezeOwner("killed");
	await owner.kill("SIGKILL");

	const begun = performance.now();
	const next = await Feeder.claim(store, 0, first.producer);
	await next.feed([scan(), scan()]);
	expect(performance.now() - begun).toBeLessThan(5_000);
	expect((await store.counts(selection())).value.scans).toBe(3);
});

test("an owner that only stood still is followed within 5 s as well, and is refused when it goes on", async () => {
	const store = await open("frozen");
	const owner = await freezeOwner("frozen");
	const begun = performance.now();
	const next = await Feeder.claim(store);
	await next.feed([scan()]);
	expect(performance.now() - begun).toBeLessThan(5_000);
	await writeFile(thawFile("frozen"), "");
	expect(await owner.exited).toMatchObject({ code: 0 });
	expect(owner.output()).toMatch(/^claim_lost$/m);
	expect((await store.counts(selection())).value.scans).toBe(1);
});

test("a leader that stood still within a write is refused when it goes on, and the next leader's word stands", async () => {
	const store = await open("led");
	await (await Feeder.claim(store)).feed([scan()]);
	const leader = await freezeLeader("led");
	await store.markMonth("202603", "open", { name: "cron", fence: 6 });
	await writeFile(thawFile("led"), "");
	expect(await leader.exited).toMatchObject({ code: 0 });
	expect(leader.output()).toMatch(/^lease_lost$/m);
	expect(await store.months()).toContainEqual({ month: "202603", state: "open" });
});

test("a month that is marked closing while a commit of its scans is under way takes none of them", async () => {
	const store = await open("closing");
	const owner = await freezeOwner("closing");
	await store.markMonth("202603", "closing", { name: "cron", fence: 1 });
	await writeFile(thawFile("closing"), "");
	expect(await owner.exited).toMatchObject({ code: 0 });
	expect(owner.output()).toMatch(/^committed$/m);
	expect(await store.ledger({ organisation: "acme" })).toMatchObject({ stored: 0, dropped: { too_old: 1 } });
});

test("two owners meet on the clients' ids of their scans: each id is stored once, and neither owner fails", async () => {
	const feeders = await Promise.all([0, 1].map(async (partition) => Feeder.claim(await open("ids"), partition)));
	const sums = { stored: 0, duplicate: 0 };
	for (let round = 0; round < 30; round++) {
		const scans = Array.from({ length: 10 }, (_, n) => scan({ id: `${round}-${n}`, ownId: true }));
		for (const { stored, duplicate } of await Promise.all(
			feeders.map((feeder, code) => feeder.feed(scans.map((each) => ({ ...each, code: `code-${code}` })))),
		)) {
			sums.stored += stored;
			sums.duplicate += duplicate;
		}
	}
	expect(sums).toEqual({ stored: 300, duplicate: 300 });
	expect((await feeders[0]?.store.counts(selection()))?.value.scans).toBe(300);
});

test("MongoDB killed again and again while scans are counted: none is lost, none counts twice", async () => {
	const store = await open("outages");
	const producer = new Producer("gateway");
	const messages = Array.from({ length: 600 }, (_, n) =>
		producer.message([scan({ visitor: `v${n % 7}` }), scan({ id: `own-${n}`, ownId: true, code: `code-${n % 5}` })]),
	);
	let position = 0;
	const applying = applyAll(store, messages, (at) => {
		position = at;
	});
	for (const at of [40, 200, 400]) {
		await until(() => position >= at, { what: `position ${at} to be applied`, timeoutMs: 30_000 });
		await server.kill("SIGKILL");
		await server.restart();
	}
	await applying;
	const { value, positions } = await store.counts(selection());
	expect(positions).toEqual({ 0: messages.length });
	expect(value).toEqual({ scans: 1_200, visitors: 7, bots: 0 });
	const ledger = { accepted: 1_200, stored: 1_200, duplicate: 0, dropped: {}, missing: 0 };
	expect(await store.ledger({ organisation: "acme" })).toEqual(ledger);
	const day = { dayStart: NOON - 43_200_000, dayEnd: NOON + 43_200_000, minute: NOON };
	const { value: state } = await store.state({ organisation: "acme", ...day });
	expect(state).toEqual({ total: value, today: value, minute: 1_200 });
});

test("while MongoDB is away everything says so within seconds, and works again when it is back", async () => {
	const store = await open("away");
	const feeder = await Feeder.claim(store);
	await feeder.feed([scan()]);
	const message = feeder.producer.message([scan()]);
	await server.kill("SIGKILL");
	const begun = performance.now();
	const refused = { type: "unavailable" };
	await Promise.all([
		expect(feeder.apply([message])).rejects.toMatchObject(refused),
		expect(store.claim(1, "owner")).rejects.toMatchObject(refused),
		expect(store.counts(selection())).rejects.toMatchObject(refused),
		expect(store.ping()).rejects.toMatchObject(refused),
	]);
	expect(performance.now() - begun).toBeLessThan(8_000);
	const early = await open("opened-while-away");
	await expect(early.ping()).rejects.toMatchObject(refused);
	await server.restart();
	await store.ping();
	await early.ping();
	expect(await feeder.apply([message])).toMatchObject({ stored: 1 });
	expect((await store.counts(selection())).value.scans).toBe(2);
});
