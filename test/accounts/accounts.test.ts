/*
 * Who may do what: keys, sessions, members and the organisation, on both kinds of store.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Credential, type NewSession, SCOPES } from "../../contracts/account.ts";
import { dataOf } from "../../contracts/errors.ts";
import { createSignInUrl, offerFirstSignIn } from "../../platform/sign-in.ts";
import accounts from "../../services/accounts/accounts.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { until } from "../harness/product.ts";
import { realServer } from "../harness/servers.ts";

const organisation = "default";

describe.each(["file", "mongodb"] as const)("accounts in a %s", (kind) => {
	let actor: RunningActor;
	let dataDir: string;

	beforeAll(async () => {
		dataDir = await temporaryFolder();
		const env: Record<string, string> = { DATA_DIR: dataDir };
		if (kind === "mongodb") env.MONGO_URL = (await realServer("mongo")).url;
		actor = await runActor(accounts, { env });
	});

	const prove = (token: string) => actor.call("accounts.authenticate", { token });
	const newKey = (fields: object = {}) =>
		actor.call("accounts.createKey", { organisation, name: "Till", scopes: ["scans:write"], ...fields });
	/** A session of the first member, as the sign-in link gives one. */
	async function signIn(): Promise<{ session: NewSession; credential: Credential }> {
		const url = await createSignInUrl(await actor.platform.records(), "http://localhost:3000");
		const session = await actor.call("accounts.redeemSignIn", { token: path.posix.basename(url) });
		const credential = session && (await prove(session.token));
		if (!credential) throw new Error("the link did not sign in");
		return { session, credential };
	}
	const paths = async (work: Promise<unknown>) =>
		dataOf(await work.catch((error: unknown) => error)).errors?.map((error) => error.path);

	test("a key proves its organisation and scopes until it is removed, and then every node hears of it", async () => {
		const key = await newKey({ scopes: ["codes:read", "codes:write", "codes:read"] });
		expect(key.secret).toMatch(/^sp_[A-Za-z0-9]{40}$/);
		expect(await prove(key.secret)).toEqual({
			kind: "key",
			id: key.id,
			organisation,
			scopes: ["codes:read", "codes:write"],
		});
		expect(await prove(`${key.secret.slice(0, -1)}${key.secret.endsWith("a") ? "b" : "a"}`)).toBeNull();
		await expect(actor.call("accounts.removeKey", { organisation: "other", id: key.id })).rejects.toMatchObject({
			type: "not_found",
		});
		await actor.call("accounts.removeKey", { organisation, id: key.id });
		expect(await prove(key.secret)).toBeNull();
		expect(actor.told("accounts.changed")).toContainEqual({ organisation, credential: key.id });
	});

	test("a key is listed without its secret, with when it was last used", async () => {
		const key = await newKey({ name: "Listed" });
		await prove(key.secret);
		const listed = () =>
			actor
				.call("accounts.listKeys", { organisation, page: 1, pageSize: 50 })
				.then(({ rows }) => rows.find(({ id }) => id === key.id));
		const used = await until(async () => ((await listed())?.lastUsedAt ? listed() : undefined), { what: "the use" });
		const { secret: _, ...shown } = key;
		expect(used).toEqual({ ...shown, lastUsedAt: expect.stringMatching(/Z$/) });
		await prove(key.secret);
		expect(await listed()).toEqual(used);
		expect(await actor.call("accounts.listKeys", { organisation: "other", page: 1, pageSize: 5 })).toEqual({
			...{ rows: [], total: 0, page: 1, pageSize: 5 },
		});
	});

	test("a key that is not valid is refused with the path of every field", async () => {
		const past = new Date(Date.now() - 1_000).toISOString();
		expect(await paths(newKey({ name: "", scopes: ["root"], expiresAt: past }))).toEqual([
			"name",
			"scopes[0]",
			"expiresAt",
		]);
		expect(await paths(newKey({ scopes: [] }))).toEqual(["scopes"]);
	});

	test("a sign-in link works once, for one of those who open it at once", async () => {
		const url = await createSignInUrl(await actor.platform.records(), "https://scan.example.org");
		expect(url).toMatch(/^https:\/\/scan\.example\.org\/sign-in\/[A-Za-z0-9_-]{43}$/);
		const token = path.posix.basename(url);
		const results = await Promise.all([1, 2, 3].map(() => actor.call("accounts.redeemSignIn", { token })));
		expect(results.filter((session) => session !== null)).toHaveLength(1);
		expect(await actor.call("accounts.redeemSignIn", { token: "unknown" })).toBeNull();
	});

	test("the first start makes a link, later ones do not", async () => {
		const offered: string[] = [];
		const trouble: unknown[] = [];
		for (let start = 0; start < 2; start++) {
			await offerFirstSignIn(
				actor.platform,
				(url) => offered.push(url),
				(error) => trouble.push(error),
			);
		}
		expect(offered).toEqual([expect.stringContaining("/sign-in/")]);
		expect(trouble).toEqual([]);
	});

	test("a session may do everything in its organisation until it ends", async () => {
		const { session, credential } = await signIn();
		expect(credential).toMatchObject({ kind: "session", organisation, scopes: SCOPES });
		expect(credential.expiresAt).toBeGreaterThan(Date.now() + 29 * 86_400_000);
		await actor.call("accounts.endSession", { id: credential.id });
		expect(await prove(session.token)).toBeNull();
		expect(actor.told("accounts.changed")).toContainEqual({ organisation, credential: credential.id });
		expect(await actor.call("accounts.endSession", { id: credential.id })).toBeNull();
	});

	test("a member signs in by the e-mail address and password that they set", async () => {
		const { credential } = await signIn();
		const other = await signIn();
		const password = "correct horse battery";
		const changes = { name: "Ada", email: "Ada@Example.org", password };
		const me = await actor.call("accounts.updateMe", { credential, changes });
		expect(me.member).toEqual({ id: credential.member, name: "Ada", email: "ada@example.org" });

		// Whoever was signed in with what was known before is signed out, but not the one who changed it.
		expect(await prove(other.session.token)).toBeNull();
		const session = await actor.call("accounts.createSession", { email: "ADA@example.org", password });
		expect((await prove(session.token))?.member).toBe(credential.member);

		for (const wrong of [
			{ email: "ada@example.org", password: "wrong horse battery" },
			{ email: "nobody@example.org", password },
		]) {
			await expect(actor.call("accounts.createSession", wrong)).rejects.toMatchObject({ type: "unauthorized" });
		}
		expect(
			await paths(
				actor.call("accounts.updateMe", {
					credential,
					changes: { name: "", email: "not an address", password: "short", role: "god" } as object,
				}),
			),
		).toEqual(["role", "name", "email", "password"]);
	});

	test("a password can be tried ten times a minute", async () => {
		const attempt = () => actor.call("accounts.createSession", { email: "tried@example.org", password: "x" });
		for (let n = 0; n < 10; n++) await expect(attempt()).rejects.toMatchObject({ type: "unauthorized" });
		await expect(attempt()).rejects.toMatchObject({
			...{ type: "rate_limited", code: 429, data: { retryAfterMs: expect.any(Number) } },
		});
	});

	test("a key is nobody in person", async () => {
		const credential: Credential = { kind: "key", id: "key_x", organisation, scopes: ["admin"] };
		expect(await actor.call("accounts.me", { credential })).toMatchObject({
			...{ kind: "key", id: "key_x", scopes: ["admin"], organisation: { id: organisation, timeZone: "UTC" } },
		});
		await expect(actor.call("accounts.updateMe", { credential, changes: { name: "x" } })).rejects.toMatchObject({
			type: "forbidden",
		});
	});

	test("the organisation is there from the first start, and a change of its time zone is told", async () => {
		expect(await actor.call("accounts.organisation", { organisation })).toMatchObject({
			...{ id: organisation, name: "My organisation", timeZone: "UTC" },
		});
		const update = (changes: object) => actor.call("accounts.updateOrganisation", { organisation, changes });
		expect(await update({ name: "Café" })).toMatchObject({ name: "Café", timeZone: "UTC" });
		const zonesTold = () => actor.told("accounts.changed").filter(({ timeZone }) => timeZone !== undefined);
		expect(zonesTold()).toEqual([]);
		expect(await update({ timeZone: "asia/kolkata" })).toMatchObject({ name: "Café", timeZone: "Asia/Kolkata" });
		expect(zonesTold()).toEqual([{ organisation, timeZone: "Asia/Kolkata" }]);
		for (const timeZone of ["Mars/Olympus", "+05:30", "", "2020-01-01T00:00Z[Europe/Berlin]", 5, null]) {
			expect(await paths(update({ timeZone }))).toEqual(["timeZone"]);
		}
		expect(await paths(update({ currency: "EUR" }))).toEqual(["currency"]);
		await update({ timeZone: "UTC" });
		await expect(actor.call("accounts.organisation", { organisation: "other" })).rejects.toMatchObject({
			type: "not_found",
		});
	});

	test("salts of yesterday, today and tomorrow are the same for everybody who asks", async () => {
		const salts = await actor.call("accounts.salts", {});
		const days = [-1, 0, 1].map((n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10));
		expect(salts.map(({ day }) => day)).toEqual(days);
		expect(await actor.call("accounts.salts", {})).toEqual(salts);
	});

	if (kind === "file") {
		test("no secret is in a file", async () => {
			const key = await newKey();
			const { session, credential } = await signIn();
			await actor.call("accounts.updateMe", { credential, changes: { password: "a secret to be kept" } });
			const folder = path.join(dataDir, "entities");
			const files = await Promise.all((await readdir(folder)).map((name) => readFile(path.join(folder, name), "utf8")));
			const written = files.join();
			expect(written).toContain(key.id);
			for (const secret of [key.secret, session.token, "a secret to be kept"]) expect(written).not.toContain(secret);
		});
	}

	describe("as time goes by", () => {
		beforeEach(() => void vi.useFakeTimers({ toFake: ["Date"] }));
		afterEach(() => void vi.useRealTimers());
		const pass = (days: number) => vi.setSystemTime(Date.now() + days * 86_400_000);

		test("a session lives 30 days from its last use", async () => {
			const { session } = await signIn();
			pass(29);
			expect((await prove(session.token))?.expiresAt).toBe(Date.now() + 30 * 86_400_000);
			pass(29);
			expect(await prove(session.token)).not.toBeNull();
			pass(31);
			expect(await prove(session.token)).toBeNull();
		});

		test("a key ends when it said it would", async () => {
			const key = await newKey({ expiresAt: new Date(Date.now() + 86_400_000).toISOString() });
			expect((await prove(key.secret))?.expiresAt).toBe(Date.parse(key.expiresAt ?? ""));
			pass(1);
			expect(await prove(key.secret)).toBeNull();
		});
	});
});
