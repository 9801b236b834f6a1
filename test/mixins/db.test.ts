/*
 * The entity stores of actors, on both adapters: the same suite, with real files and a real MongoDB.
 */
import { appendFile, readFile, rm } from "node:fs/promises";
import path from "node:path";
import { ServiceBroker } from "moleculer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { codeOf, dataOf } from "../../contracts/errors.ts";
import { db } from "../../mixins/db.ts";
import type { EntityCollection } from "../../mixins/entity-collection.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

interface Print {
	id: string;
	slugs: string[];
	name: string;
	email?: string;
	tags?: string[];
	version: number;
}

interface Opened {
	readonly prints: EntityCollection<Print>;
	readonly broker: ServiceBroker;
	close(): Promise<void>;
}

const print = (id: string, fields: Partial<Print> = {}): Print => ({
	id,
	slugs: [`slug-of-${id}`],
	name: id,
	version: 1,
	...fields,
});

async function openStores(dataDir: string, mongoUrl?: string): Promise<Opened> {
	const config = readConfig({ DATA_DIR: dataDir, MONGO_URL: mongoUrl, LOG_LEVEL: "fatal" });
	const broker = new ServiceBroker(brokerOptions(config));
	const stores = db(config, [
		{
			collection: "prints",
			indexes: [
				{ fields: ["slugs"], unique: true },
				{ fields: ["email"], unique: true },
				{ fields: ["name", "version"] },
			],
		},
		{ collection: "others" },
	]);
	broker.createService({ name: "prints", mixins: [stores.mixin], actions: { ours: () => "ours" } });
	await broker.start();
	let open = true;
	const close = async () => {
		if (open) await broker.stop();
		open = false;
	};
	atEndOfFile(close);
	return { prints: stores.of<Print>("prints"), broker, close };
}

let mongo: RunningServer;

beforeAll(async () => {
	mongo = await realServer("mongo");
});

describe.each(["file", "mongodb"] as const)("entities in a %s", (kind) => {
	let dir: string;
	let opened: Opened;
	let prints: EntityCollection<Print>;

	beforeAll(async () => {
		dir = await temporaryFolder();
		opened = await openStores(dir, kind === "mongodb" ? mongo.url : undefined);
		prints = opened.prints;
	});
	afterAll(() => opened.close());

	test("what was inserted is found by its id, as it was", async () => {
		const given = print("a1", { name: "Menü", email: "a@example.org" });
		await prints.insert(given);
		expect(await prints.get("a1")).toEqual(given);
		expect(await prints.get("a2")).toBeNull();
	});

	test("an id that could be read as an ObjectId stays a string", async () => {
		await prints.insert(print("507f1f77bcf86cd799439011"));
		expect((await prints.get("507f1f77bcf86cd799439011"))?.id).toBe("507f1f77bcf86cd799439011");
		await prints.remove({ id: "507f1f77bcf86cd799439011" });
	});

	test("of racing inserts of one unique value one wins, the others are in conflict", async () => {
		const racing = Array.from({ length: 8 }, (_, n) => prints.insert(print(`race${n}`, { slugs: ["raced"] })));
		const results = await Promise.allSettled(racing);
		const refused = results.filter((result) => result.status === "rejected");
		expect(refused).toHaveLength(7);
		for (const { reason } of refused) {
			expect(codeOf(reason)).toBe("conflict");
			expect(dataOf(reason).value).toBe("raced");
		}
	});

	test("a value in one entity's list is taken for all others, also as a change", async () => {
		await prints.insert(print("list1", { slugs: ["new-name", "old-name"] }));
		await expect(prints.insert(print("list2", { slugs: ["old-name"] }))).rejects.toMatchObject({ type: "conflict" });
		await prints.insert(print("list3"));
		await expect(prints.change({ id: "list3" }, { set: { slugs: ["old-name"] } })).rejects.toMatchObject({
			type: "conflict",
		});
		expect((await prints.get("list3"))?.slugs).toEqual(["slug-of-list3"]);
	});

	test("entities without a unique field do not collide, and a cleared value is free again", async () => {
		await prints.insert(print("mail1", { email: "x@example.org" }));
		await prints.insert(print("mail2"));
		await prints.insert(print("mail3"));
		expect(await prints.change({ id: "mail1" }, { unset: ["email"] })).toBe(1);
		expect(await prints.get("mail1")).toEqual(print("mail1"));
		expect(await prints.change({ id: "mail2" }, { set: { email: "x@example.org" } })).toBe(1);
	});

	test("of racing changes of one version one is made", async () => {
		await prints.insert(print("versioned"));
		const racing = Array.from({ length: 6 }, (_, n) =>
			prints.change({ id: "versioned", version: 1 }, { set: { version: 2, name: `by ${n}` } }),
		);
		expect((await Promise.all(racing)).sort()).toEqual([0, 0, 0, 0, 0, 1]);
		expect(await prints.change({ id: "versioned" }, { set: { version: 2 } })).toBe(1);
	});

	test("a search finds a part of any of its fields, whatever the case, and takes no character for syntax", async () => {
		await prints.insert(print("s1", { name: "Grüne Table 1", tags: ["Summer.2026"] }));
		await prints.insert(print("s2", { name: "100% (a+b)", tags: [] }));
		const search = async (text: string) =>
			(await prints.find({ query: { id: { $in: ["s1", "s2"] } }, search: text, searchFields: ["name", "tags"] })).map(
				({ id }) => id,
			);
		expect(await search("TABLE")).toEqual(["s1"]);
		expect(await search("GRÜNE")).toEqual(["s1"]);
		expect(await search("summer.2")).toEqual(["s1"]);
		expect(await search("summerx2")).toEqual([]);
		expect(await search("% (A+B)")).toEqual(["s2"]);
		expect(await search(".*")).toEqual([]);
		expect(await prints.count({ search: "table", searchFields: ["name"] })).toBe(1);
	});

	test("pages follow each other without a gap or a repeat, also where values are equal", async () => {
		const ids = ["p1", "p2", "p3", "p4", "p5"];
		for (const id of ids) await prints.insert(print(id, { name: "same" }));
		const page = (offset: number) => prints.find({ query: { name: "same" }, sort: "-name", offset, limit: 2 });
		const pages = [...(await page(0)), ...(await page(2)), ...(await page(4))];
		expect(pages.map(({ id }) => id)).toEqual(ids.toReversed());
		const after = await prints.find({ query: { name: "same", id: { $gt: "p3" } }, limit: 1 });
		expect(after.map(({ id }) => id)).toEqual(["p4"]);
	});

	test("none of moleculer-db's own actions can be called", async () => {
		for (const action of ["find", "list", "get", "create", "insert", "update", "remove", "count"]) {
			await expect(opened.broker.call(`prints.${action}`, {})).rejects.toMatchObject({
				type: "SERVICE_NOT_FOUND",
			});
		}
		expect(await opened.broker.call("prints.ours")).toBe("ours");
	});

	test("everything is there after a restart, and still unique", async () => {
		const before = await prints.count({});
		await opened.close();
		opened = await openStores(dir, kind === "mongodb" ? mongo.url : undefined);
		prints = opened.prints;
		expect(await prints.count({})).toBe(before);
		await expect(prints.insert(print("late", { slugs: ["raced"] }))).rejects.toMatchObject({ type: "conflict" });
	});
});

describe("entities in a file", () => {
	test("an entry that was torn by a crash is gone, all before it and after it are kept", async () => {
		const dir = await temporaryFolder();
		const file = path.join(dir, "entities", "prints.db");
		const first = await openStores(dir);
		await first.prints.insert(print("whole"));
		await first.close();
		await appendFile(file, '{"_id":"torn","na');

		const second = await openStores(dir);
		expect(await second.prints.find({})).toEqual([print("whole")]);
		await second.prints.insert(print("next"));
		await second.close();

		const third = await openStores(dir);
		expect((await third.prints.find({})).map(({ id }) => id)).toEqual(["next", "whole"]);
		await third.close();
	});

	test("a file that holds something else stops the start instead of being overwritten", async () => {
		const dir = await temporaryFolder();
		const first = await openStores(dir);
		await first.prints.insert(print("kept"));
		await first.close();
		const file = path.join(dir, "entities", "prints.db");
		await appendFile(file, "not json\n");
		await expect(openStores(dir)).rejects.toThrow("corrupt");
		expect(await readFile(file, "utf8")).toContain("kept");
	});

	test("a change is in the file before it is confirmed", async () => {
		const dir = await temporaryFolder();
		const { prints, close } = await openStores(dir);
		await prints.insert(print("durable"));
		expect(await readFile(path.join(dir, "entities", "prints.db"), "utf8")).toContain('"_id":"durable"');
		await close();
		await rm(dir, { recursive: true });
	});
});

test("while MongoDB is away operations fail soon as unavailable, and work again when it is back", async () => {
	const own = await realServer("mongo");
	await own.kill();

	const startedAt = Date.now();
	const { prints } = await openStores(await temporaryFolder(), own.url);
	await expect(prints.insert(print("early"))).rejects.toMatchObject({ type: "unavailable", code: 503 });
	expect(Date.now() - startedAt).toBeLessThan(4_000);

	await own.restart();
	const works = () => prints.insertIfAbsent(print("back")).then(() => true);
	await until(works, { what: "the entities to be back", timeoutMs: 15_000 });

	await own.kill("SIGSTOP");
	const hangsAt = Date.now();
	await expect(prints.get("back")).rejects.toMatchObject({ type: "unavailable" });
	expect(Date.now() - hangsAt).toBeLessThan(4_000);
	await own.kill("SIGCONT");
	expect(await until(() => prints.get("back"), { what: "the entities to be back", timeoutMs: 15_000 })).toEqual(
		print("back"),
	);
	expect(await until(works, { what: "writes to work", timeoutMs: 15_000 })).toBe(true);
});
