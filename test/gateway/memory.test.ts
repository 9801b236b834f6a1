import { describe, expect, test } from "vitest";
import type { Credential } from "../../contracts/account.ts";
import type { RoutableCode } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { Authenticator, type AuthenticatorOptions } from "../../services/gateway/authenticator.ts";
import { CodeDirectory } from "../../services/gateway/code-directory.ts";
import { TokenBuckets } from "../../services/gateway/token-buckets.ts";

const code = (fields: Partial<RoutableCode> = {}): RoutableCode => ({
	...{ id: "c1", organisation: "o", slug: "menu", url: "https://a.example/", active: true, usedUp: false, version: 1 },
	...{ rules: [], variants: [] },
	...fields,
});

/** Codes as their actor would answer them, counting how often it is asked. */
function source(codes: RoutableCode[] = []) {
	const asked: string[] = [];
	const answer = async (name: string, find: (code: RoutableCode) => boolean) => {
		asked.push(name);
		if (it.failing) throw new Error("away");
		return it.codes.find(find) ?? null;
	};
	const it = {
		asked,
		codes,
		failing: false,
		resolve: (slug: string) => answer(slug, (candidate) => candidate.slug === slug),
		route: (organisation: string, name: string) =>
			answer(
				name,
				(candidate) => candidate.organisation === organisation && [candidate.id, candidate.slug].includes(name),
			),
	};
	return it;
}

describe("the codes that a gateway remembers", () => {
	test("are asked for once, however many ask at the same time, by slug or by id", async () => {
		const codes = source([code()]);
		const directory = new CodeDirectory(codes);
		await Promise.all([directory.resolve("menu"), directory.resolve("menu"), directory.resolve("menu")]);
		expect(await directory.route("o", "c1")).toMatchObject({ id: "c1" });
		expect(await directory.route("o", "menu")).toMatchObject({ id: "c1" });
		expect(codes.asked).toEqual(["menu"]);
		expect(await directory.route("p", "menu")).toBeNull();
	});

	test("are not taken for unknown while nobody answers, however many other names are asked for", async () => {
		const codes = source([code()]);
		const directory = new CodeDirectory(codes, { doubtsPerSecond: 5, loadsPerSecond: 20 });
		directory.holdsAllFor(60_000);
		codes.failing = true;
		const names = Array.from({ length: 40 }, (_, n) => `guess-${n}`);
		for (const name of [...names, "menu"]) await expect(directory.resolve(name)).rejects.toThrow();
	});

	test("are the newest version heard of, in whatever order", async () => {
		const directory = new CodeDirectory(source());
		directory.apply(code({ version: 3, url: "https://new.example/" }));
		directory.apply(code({ version: 2, url: "https://old.example/" }));
		expect(directory.known("menu")?.url).toBe("https://new.example/");
	});

	test("do not lose a change that is heard while an older answer is on its way", async () => {
		const codes = source();
		const gate = Promise.withResolvers<RoutableCode | null>();
		const directory = new CodeDirectory({ ...codes, resolve: () => gate.promise });
		const loading = directory.resolve("menu");
		directory.apply(code());
		gate.resolve(null);
		await loading;
		expect(directory.known("menu")).toMatchObject({ id: "c1" });
	});

	test("include, for a moment, names that are nobody's, until one is made", async () => {
		const codes = source();
		const directory = new CodeDirectory(codes);
		expect(await directory.resolve("menu")).toBeNull();
		expect(await directory.resolve("menu")).toBeNull();
		expect(codes.asked).toEqual(["menu"]);
		directory.apply(code());
		expect(await directory.resolve("menu")).toMatchObject({ id: "c1" });
	});

	test("go on as they were known while nobody can be asked", async () => {
		const codes = source([code()]);
		const directory = new CodeDirectory(codes);
		await directory.resolve("menu");
		codes.failing = true;
		expect(directory.known("menu")?.url).toBe("https://a.example/");
	});

	test("are found under every slug they had, also those of an earlier start", async () => {
		const codes = source();
		const directory = new CodeDirectory(codes);
		await directory.resolve("old-menu");
		directory.apply(code({ aliases: ["old-menu", "oldest-menu"] }));
		expect(directory.known("old-menu")).toMatchObject({ id: "c1" });
		expect(directory.known("oldest-menu")).toMatchObject({ id: "c1" });
		const next = new CodeDirectory(codes);
		for (const held of directory.codes()) next.restore(held);
		codes.failing = true;
		expect(await next.resolve("oldest-menu")).toMatchObject({ id: "c1" });
	});

	test("that all are known make guessing slugs vain: the store hardly hears of it, and a new code is known at once", async () => {
		const codes = source([code()]);
		const directory = new CodeDirectory(codes, { doubtsPerSecond: 20 });
		directory.fill(code());
		directory.holdsAllFor(60_000);
		const guesses = Array.from({ length: 5_000 }, (_, index) => directory.resolve(`guess-${index}`));
		expect((await Promise.all(guesses)).every((found) => found === null)).toBe(true);
		expect(codes.asked.length).toBeLessThanOrEqual(25);
		directory.apply(code({ id: "c2", slug: "guess-4999" }));
		expect(await directory.resolve("guess-4999")).toMatchObject({ id: "c2" });
	});

	test("that not all are known are loaded within a bound, beyond which it is said that it is too much", async () => {
		const codes = source([code()]);
		const directory = new CodeDirectory(codes, { loadsPerSecond: 20 });
		const answers = await Promise.allSettled(
			Array.from({ length: 200 }, (_, index) => directory.resolve(`slug-${index}`)),
		);
		expect(codes.asked.length).toBeLessThanOrEqual(25);
		expect(answers.at(-1)).toMatchObject({ status: "rejected", reason: { type: "overloaded" } });
	});

	test("of an earlier start are not waited for when the answer hangs", async () => {
		const directory = new CodeDirectory(
			{ resolve: () => new Promise(() => undefined), route: () => new Promise(() => undefined) },
			{ newsMs: 50 },
		);
		for (let index = 0; index < 100; index++) directory.restore(code({ id: `c${index}`, slug: `s${index}` }));
		const begun = performance.now();
		for (let index = 0; index < 100; index++) expect(await directory.resolve(`s${index}`)).not.toBeNull();
		// Waiting for each would take five seconds.
		expect(performance.now() - begun).toBeLessThan(1_500);
	});

	test("of an earlier start are asked for first, and must do while nobody can be asked", async () => {
		const codes = source([code({ version: 1, url: "https://edited.example/" })]);
		const directory = new CodeDirectory(codes);
		directory.restore(code({ version: 7, url: "https://old.example/" }));
		codes.failing = true;
		expect(await directory.resolve("menu")).toMatchObject({ url: "https://old.example/" });
		expect(await directory.route("o", "c1")).toMatchObject({ url: "https://old.example/" });
		await expect(directory.route("p", "menu")).rejects.toThrow("away");
		codes.failing = false;
		await until(async () => (await directory.resolve("menu"))?.url === "https://edited.example/", {
			what: "the news",
			timeoutMs: 2_000,
		});
	});

	test("are bounded", async () => {
		const directory = new CodeDirectory(source(), { maxCodes: 10 });
		for (let index = 0; index < 100; index++) directory.apply(code({ id: `c${index}`, slug: `s${index}` }));
		expect(directory.size).toBe(10);
		expect(directory.known("s99")).toMatchObject({ id: "c99" });
		expect(directory.known("s1")).toBeUndefined();
	});
});

describe("a credential", () => {
	const credential: Credential = { kind: "key", id: "k1", organisation: "o", scopes: ["codes:read"] };
	function accounts(
		answer: () => Promise<Credential | null> = async () => credential,
		times: Partial<AuthenticatorOptions> = {},
	) {
		let asked = 0;
		const authenticator = new Authenticator({
			...times,
			adminKey: "the-key-of-the-administrator",
			prove: () => {
				asked++;
				return answer();
			},
		});
		return { authenticator, asked: () => asked };
	}

	test("is proven once for many requests, and again after its end was heard", async () => {
		const { authenticator, asked } = accounts();
		await Promise.all([authenticator.authenticate("t"), authenticator.authenticate("t")]);
		await authenticator.authenticate("t");
		expect(asked()).toBe(1);
		authenticator.forget("o", "another");
		await authenticator.authenticate("t");
		expect(asked()).toBe(1);
		authenticator.forget("o", "k1");
		await authenticator.authenticate("t");
		expect(asked()).toBe(2);
	});

	test("that ended while it was being proven is not remembered", async () => {
		const gate = Promise.withResolvers<Credential | null>();
		const { authenticator, asked } = accounts(() => gate.promise);
		const proof = authenticator.authenticate("t");
		authenticator.forget("o", "k1");
		gate.resolve(credential);
		await proof;
		await authenticator.authenticate("t");
		expect(asked()).toBe(2);
	});

	test("that has expired is none, also when it is remembered", async () => {
		const { authenticator } = accounts(async () => ({ ...credential, expiresAt: Date.now() + 30 }));
		expect(await authenticator.authenticate("t")).not.toBeNull();
		await until(async () => (await authenticator.authenticate("t")) === null, { what: "its end", timeoutMs: 1_000 });
	});

	test("that was proven lately is believed while accounts does not answer, one that was not is not", async () => {
		let away = false;
		const { authenticator } = accounts(
			async () => {
				if (away) throw new Error("away");
				return credential;
			},
			{ believedMs: 0, believedInOutageMs: 200 },
		);
		await authenticator.authenticate("t");
		away = true;
		expect(await authenticator.authenticate("t")).toEqual(credential);
		await expect(authenticator.authenticate("another")).rejects.toThrow("away");
		const believed = () => authenticator.authenticate("t").catch(() => undefined);
		await until(async () => (await believed()) === undefined, { what: "its end", timeoutMs: 2_000 });
	});

	test("is not waited for while accounts hangs", async () => {
		let hangs = false;
		const { authenticator, asked } = accounts(
			() => (hangs ? new Promise(() => undefined) : Promise.resolve(credential)),
			{
				believedMs: 0,
				patienceMs: 50,
			},
		);
		await authenticator.authenticate("t");
		hangs = true;
		await authenticator.authenticate("t");
		const begun = performance.now();
		for (let index = 0; index < 100; index++) expect(await authenticator.authenticate("t")).toEqual(credential);
		// Waiting for each would take five seconds.
		expect(performance.now() - begun).toBeLessThan(1_500);
		expect(asked()).toBe(2);
	});

	test("that was revoked during an outage is refused soon after accounts answers again", async () => {
		let answer: () => Promise<Credential | null> = async () => credential;
		const { authenticator } = accounts(() => answer(), { believedMs: 0 });
		await authenticator.authenticate("t");
		answer = () => Promise.reject(new Error("away"));
		expect(await authenticator.authenticate("t")).toEqual(credential);
		answer = async () => null;
		await until(async () => (await authenticator.authenticate("t")) === null, { what: "its end", timeoutMs: 2_000 });
	});

	test("of the administrator asks nobody", async () => {
		const { authenticator, asked } = accounts();
		expect(await authenticator.authenticate("the-key-of-the-administrator")).toMatchObject({ kind: "admin" });
		expect(asked()).toBe(0);
	});
});

test("a bucket of tokens allows its rate, not more, and says when to come again", () => {
	let now = 0;
	const buckets = new TokenBuckets({ perSecond: 10, now: () => now });
	expect(buckets.take("a", 10)).toMatchObject({ allowed: true, limit: 10, remaining: 0, resetMs: 1_000 });
	expect(buckets.take("a")).toMatchObject({ allowed: false, resetMs: 100 });
	expect(buckets.take("b").allowed).toBe(true);
	now = 100;
	expect(buckets.look("a").allowed).toBe(true);
	expect(buckets.take("a").allowed).toBe(true);
	expect(buckets.take("a").allowed).toBe(false);
});
