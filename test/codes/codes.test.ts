/*
 * Codes as an owner makes, finds, edits and deletes them, on both kinds of store.
 */
import { beforeAll, describe, expect, test } from "vitest";
import type { Code, CodeInput } from "../../contracts/code.ts";
import { codeOf, dataOf } from "../../contracts/errors.ts";
import { until } from "../../scripts/servers/until.ts";
import codes from "../../services/codes/codes.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { realServer } from "../harness/servers.ts";

const by = "session_of_a_member";

describe.each(["file", "mongodb"] as const)("codes in a %s", (kind) => {
	let env: Record<string, string>;
	let actor: RunningActor;
	let count = 0;

	beforeAll(async () => {
		env = { DATA_DIR: await temporaryFolder() };
		if (kind === "mongodb") env.MONGO_URL = (await realServer("mongo")).url;
		actor = await runActor(codes, { env });
	});

	const create = (code: CodeInput, organisation = "default"): Promise<Code> =>
		actor.call("codes.create", { organisation, code, by });
	const anOrganisation = () => `organisation_${++count}`;
	const paths = async (work: Promise<unknown>) => {
		const error: unknown = await work.then(
			() => undefined,
			(reason: unknown) => reason,
		);
		expect(codeOf(error)).toBe("invalid");
		return dataOf(error).errors?.map(({ path }) => path);
	};

	test("a code of nothing but an address is complete, with a slug that is easy to read aloud", async () => {
		const code = await create({ url: "https://example.org/menu?table=1#top" });
		expect(code).toMatchObject({
			url: "https://example.org/menu?table=1#top",
			name: code.slug,
			tags: [],
			active: true,
			rules: [],
			variants: [],
			placements: [],
		});
		expect(code.id).toMatch(/^code_[a-z0-9]{16}$/);
		expect(code.slug).toMatch(/^[2-9a-hjkmnp-z]{7}$/);
		expect(code.createdAt).toBe(code.updatedAt);
		expect(await actor.call("codes.get", { organisation: "default", id: code.id })).toEqual(code);
	});

	test("a code keeps everything that a client may set, as it was set", async () => {
		const input: CodeInput = {
			slug: "Menu_2026-x",
			url: "https://example.org/",
			name: "Menü",
			tags: ["table", "summer"],
			active: false,
			expiresAt: "2027-01-01T00:00:00+05:30",
			maxScans: 100,
			fallbackUrl: "https://example.org/closed",
			rules: [
				{
					if: { country: "DE", device: "mobile", os: "iOS", language: "de", after: "2026-01-01T00:00:00Z" },
					url: "https://example.org/de",
				},
			],
			variants: [
				{ url: "https://example.org/a", weight: 1 },
				{ url: "https://example.org/b", weight: 10_000 },
			],
			placements: [{ key: "table-1", name: "Table 1", lat: 52.5, lon: 13.4 }],
		};
		expect(await create(input)).toMatchObject(input);
	});

	test("a slug is case-sensitive, taken once, and refused to all but one of those who race for it", async () => {
		await create({ url: "https://example.org", slug: "Taken" });
		await create({ url: "https://example.org", slug: "taken" });
		await expect(create({ url: "https://example.org", slug: "Taken" }, anOrganisation())).rejects.toMatchObject({
			type: "slug_taken",
			code: 409,
		});
		const racing = Array.from({ length: 10 }, () => create({ url: "https://example.org", slug: "Raced" }));
		const results = await Promise.allSettled(racing);
		const refused = results.filter((result) => result.status === "rejected");
		expect(refused).toHaveLength(9);
		expect(new Set(refused.map(({ reason }) => codeOf(reason)))).toEqual(new Set(["slug_taken"]));
	});

	test("what is not valid is refused with the path of every field at fault", async () => {
		expect(await paths(create({} as CodeInput))).toEqual(["url"]);
		const input = {
			slug: "no spaces",
			url: "ftp://example.org",
			name: "x".repeat(201),
			tags: ["ok", 7],
			active: "yes",
			expiresAt: "tomorrow",
			maxScans: 0,
			fallbackUrl: "https://user:pass@example.org",
			rules: [
				{ if: { country: "Germany", planet: "Mars" }, url: "https://10.0.0.1/" },
				{ if: { after: "2026-01-02T00:00:00Z", before: "2026-01-01T00:00:00Z" }, url: "https://example.org" },
			],
			variants: [{ url: "http://localhost/", weight: 0 }],
			placements: [{ key: "A b", name: "x" }, { key: "ab", name: "y" }, { key: "!!" }],
			colour: "red",
		};
		expect((await paths(create(input as unknown as CodeInput)))?.sort()).toEqual(
			[
				...["slug", "url", "name", "tags[1]", "active", "expiresAt", "maxScans", "fallbackUrl", "colour"],
				...["rules[0].if.country", "rules[0].if.planet", "rules[0].url", "rules[1].if.before"],
				...["variants[0].url", "variants[0].weight", "placements[1].key", "placements[2].key"],
			].sort(),
		);
		expect(await paths(create({ url: "https://example.org", expiresAt: null } as unknown as CodeInput))).toEqual([
			"expiresAt",
		]);
		expect(await paths(create({ url: "https://example.org", expiresAt: "2026-02-30T00:00:00Z" }))).toEqual([
			"expiresAt",
		]);
		const many = Array.from({ length: 51 }, () => ({ if: {}, url: "https://example.org" }));
		expect(await paths(create({ url: "https://example.org", rules: many }))).toEqual(["rules"]);
	});

	test("a complaint says what came and what was expected", async () => {
		await expect(create({ url: "javascript:alert(1)" })).rejects.toMatchObject({
			data: { errors: [{ path: "url", message: 'expected an http or https address, got "javascript:alert(1)"' }] },
		});
	});

	test("an edit changes what it names, null clears, and every gateway hears of a newer version", async () => {
		const code = await create({ url: "https://example.org/1", maxScans: 5, fallbackUrl: "https://example.org/f" });
		const changes = { url: "https://example.org/2", maxScans: null, name: "" };
		const edited = await actor.call("codes.update", { organisation: "default", id: code.id, changes, by });
		const { maxScans: _, ...rest } = code;
		expect(edited).toEqual({ ...rest, url: "https://example.org/2", updatedAt: expect.any(String) });
		expect(edited.updatedAt >= code.updatedAt).toBe(true);
		const heard = actor.told("codes.changed").filter((event) => event.code.id === code.id);
		expect(heard.map((event) => [event.code.version, event.code.url])).toEqual([
			[1, "https://example.org/1"],
			[2, "https://example.org/2"],
		]);
		expect(
			await paths(
				actor.call("codes.update", { organisation: "default", id: code.id, changes: { url: null } as never, by }),
			),
		).toEqual(["url"]);
		const again = await actor.call("codes.update", { organisation: "default", id: code.id, changes, by });
		expect(again).toEqual(edited);
	});

	test("edits at the same time are all made", async () => {
		const { id } = await create({ url: "https://example.org" });
		const edits = ["a", "b", "c", "d"].map((tag) =>
			actor.call("codes.update", { organisation: "default", id, changes: { tags: [tag], name: tag }, by }),
		);
		await Promise.all(edits);
		const route = await actor.call("codes.route", { organisation: "default", reference: id });
		expect(route?.version).toBe(5);
	});

	test("changes of where a code leads can be told afterwards", async () => {
		const organisation = anOrganisation();
		const { id } = await create({ url: "https://example.org/1" }, organisation);
		const from = new Date(Date.now() - 1_000).toISOString();
		for (const changes of [{ url: "https://example.org/2" }, { name: "other" }, { url: "https://example.org/3" }]) {
			await actor.call("codes.update", { organisation, id, changes, by });
		}
		const to = new Date(Date.now() + 1_000).toISOString();
		const { annotations, annotationsAfter } = await actor.call("codes.destinationEdits", { organisation, from, to });
		expect(annotations.map(({ code, url }) => [code, url])).toEqual([
			[id, "https://example.org/2"],
			[id, "https://example.org/3"],
		]);
		expect(annotationsAfter).toBeUndefined();
		const none = { annotations: [] };
		expect(await actor.call("codes.destinationEdits", { organisation, codes: ["x"], from, to })).toEqual(none);
		expect(await actor.call("codes.destinationEdits", { organisation, from, to: from })).toEqual(none);
	});

	test("of more than a thousand such changes the newest are told, and since when they are all of them", async () => {
		const organisation = anOrganisation();
		const { id } = await create({ url: "https://example.org/" }, organisation);
		const from = new Date(Date.now() - 1_000).toISOString();
		for (let edit = 1; edit <= 1_001; edit++) {
			const changes = { url: `https://example.org/${edit}` };
			await actor.call("codes.update", { organisation, id, changes, by });
		}
		const to = new Date(Date.now() + 1_000).toISOString();
		const { annotations, annotationsAfter } = await actor.call("codes.destinationEdits", { organisation, from, to });
		expect(annotations.map(({ url }) => url)).toEqual(
			Array.from({ length: 1_000 }, (_, edit) => `https://example.org/${edit + 2}`),
		);
		expect(annotationsAfter).toBe(annotations[0]?.at);
	});

	test("a deleted code is not found, its slug stays taken, and gateways are told", async () => {
		const code = await create({ url: "https://example.org", slug: "gone-slug" });
		await actor.call("codes.remove", { organisation: "default", id: code.id, by });
		for (const act of [
			() => actor.call("codes.get", { organisation: "default", id: code.id }),
			() => actor.call("codes.update", { organisation: "default", id: code.id, changes: {}, by }),
			() => actor.call("codes.remove", { organisation: "default", id: code.id, by }),
			() => actor.call("codes.image", { organisation: "default", id: code.id, image: { format: "svg" } }),
		]) {
			await expect(act()).rejects.toMatchObject({ type: "not_found" });
		}
		await expect(create({ url: "https://example.org", slug: "gone-slug" })).rejects.toMatchObject({
			type: "slug_taken",
		});
		expect(await actor.call("codes.resolve", { slug: "gone-slug" })).toMatchObject({ id: code.id, deleted: true });
		expect(actor.told("codes.changed").at(-1)?.code).toMatchObject({ id: code.id, deleted: true, version: 2 });
		expect(await actor.call("codes.names", { organisation: "default", ids: [code.id, "code_x"] })).toEqual({
			[code.id]: { name: "gone-slug", slug: "gone-slug" },
		});
	});

	test("a code that is given another slug keeps its printed one", async () => {
		const code = await create({ url: "https://example.org", slug: "printed" });
		await create({ url: "https://example.org", slug: "other-print" });
		const change = (slug: string) =>
			actor.call("codes.update", { organisation: "default", id: code.id, changes: { slug }, by });
		await expect(change("other-print")).rejects.toMatchObject({ type: "slug_taken" });
		expect((await change("renamed")).slug).toBe("renamed");
		expect((await actor.call("codes.resolve", { slug: "printed" }))?.id).toBe(code.id);
		await expect(create({ url: "https://example.org", slug: "printed" })).rejects.toMatchObject({ type: "slug_taken" });
		expect((await change("printed")).slug).toBe("printed");
	});

	test("an organisation sees its own codes only", async () => {
		const [mine, other] = [anOrganisation(), anOrganisation()];
		const code = await create({ url: "https://example.org", slug: `own-${mine}` }, mine);
		await expect(actor.call("codes.get", { organisation: other, id: code.id })).rejects.toMatchObject({
			type: "not_found",
		});
		expect(await actor.call("codes.route", { organisation: other, reference: code.slug })).toBeNull();
		expect(await actor.call("codes.route", { organisation: mine, reference: code.slug })).toMatchObject({
			id: code.id,
		});
		expect(await actor.call("codes.names", { organisation: other, ids: [code.id] })).toEqual({});
		expect(await actor.call("codes.list", { organisation: other, page: 1, pageSize: 50 })).toMatchObject({ total: 0 });
	});

	test("lists are searched, filtered, sorted and paged", async () => {
		const organisation = anOrganisation();
		const make = (name: string, rest: Partial<CodeInput> = {}) =>
			create({ url: `https://example.org/${name}`, name, ...rest }, organisation);
		await make("Banana", { tags: ["fruit", "Yellow"] });
		await make("apple", { tags: ["fruit"], active: false });
		await make("cherry", { slug: `Kirsche-${organisation}` });
		const names = async (query: object) => {
			const params = { organisation, page: 1, pageSize: 50, sort: "name", ...query };
			return (await actor.call("codes.list", params)).rows.map(({ name }) => name);
		};
		expect(await names({})).toEqual(["apple", "Banana", "cherry"]);
		expect(await names({ sort: "-name" })).toEqual(["cherry", "Banana", "apple"]);
		expect(await names({ sort: "-createdAt" })).toEqual(expect.arrayContaining(["apple", "Banana", "cherry"]));
		expect(await names({ search: "NAN" })).toEqual(["Banana"]);
		expect(await names({ search: "yell" })).toEqual(["Banana"]);
		expect(await names({ search: "kirsche" })).toEqual(["cherry"]);
		expect(await names({ search: "example.org/a" })).toEqual(["apple"]);
		expect(await names({ search: "e.a" })).toEqual([]);
		expect(await names({ tag: "fruit" })).toEqual(["apple", "Banana"]);
		expect(await names({ tag: "frui" })).toEqual([]);
		expect(await names({ active: false })).toEqual(["apple"]);
		const second = await actor.call("codes.list", { organisation, page: 2, pageSize: 2, sort: "name" });
		expect(second).toMatchObject({ total: 3, page: 2, pageSize: 2 });
		expect(second.rows.map(({ name }) => name)).toEqual(["cherry"]);
		expect(await paths(names({ sort: "password" }))).toEqual(["sort"]);
	});

	test("a gateway reads all codes page by page, each once", async () => {
		const seen: string[] = [];
		let after: string | undefined;
		do {
			const page = await actor.call("codes.routes", { after, limit: 7 });
			seen.push(...page.codes.map(({ id }) => id));
			after = page.next ?? undefined;
		} while (after);
		expect(seen).toEqual([...new Set(seen)].sort());
		const total = (await actor.call("codes.routes", { limit: 1_000 })).codes.length;
		expect(seen).toHaveLength(total);
	});

	test("a gateway reads what changed since it asked last, under every slug a code ever had", async () => {
		const [untouched, touched] = [
			await create({ url: "https://example.org/1" }),
			await create({ url: "https://example.org/2", slug: `old-${Date.now()}` }),
		];
		const since = await until(() => Date.now() > Date.parse(touched.createdAt) && Date.now(), {
			what: "the clock to move on",
			everyMs: 1,
		});
		const slug = `new-${since}`;
		await actor.call("codes.update", { organisation: "default", id: touched.id, changes: { slug }, by: "test" });
		const { codes, at } = await actor.call("codes.routes", { since, limit: 1_000 });
		expect(codes.map(({ id }) => id)).not.toContain(untouched.id);
		expect(codes.find(({ id }) => id === touched.id)).toMatchObject({ slug, aliases: [touched.slug] });
		expect(at).toBeGreaterThanOrEqual(since);
	});

	test("a code that was made is there after a restart", async () => {
		const code = await create({ url: "https://example.org/kept" });
		await actor.stop();
		actor = await runActor(codes, { env });
		expect(await actor.call("codes.get", { organisation: "default", id: code.id })).toEqual(code);
	});
});
