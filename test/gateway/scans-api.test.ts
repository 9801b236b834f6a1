import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { PHONE, type RunningGateway, startGateway } from "./running-gateway.ts";

let gateway: RunningGateway;
let code: Code;

beforeAll(async () => {
	gateway = await startGateway();
	code = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/", slug: "menu" });
});

const post = (scan: object) => gateway.api.post<{ id: string }>("/api/v1/scans", scan);
const found = async (id: string) => (await gateway.scans()).find((scan) => scan.id === id);

describe("a scan sent by API", () => {
	test("is durable when it is answered 202, and takes nothing from the request that carried it", async () => {
		const response = await gateway.api.request("POST", "/api/v1/scans", { code: "menu" }, { "user-agent": PHONE });
		expect(response.status).toBe(202);
		const { id } = (await response.json()) as { id: string };
		const scan = await found(id);
		expect(scan).toMatchObject({ code: code.id, slug: "menu", source: "api", device: "other", bot: false });
		for (const field of ["visitor", "os", "browser", "country", "language", "ownId"])
			expect(scan).not.toHaveProperty(field);
	});

	test("keeps what it says, in the words that dimensions use", async () => {
		const at = new Date(Date.now() - 3_600_000).toISOString();
		const { id } = await post({
			code: code.id,
			id: "till-4:0001",
			at,
			placement: "Table 4",
			source: "qr",
			visitor: "customer-9",
			ip: "8.8.8.8",
			userAgent: PHONE,
			referrer: "https://www.news.example:8443/path",
			language: "de-AT",
			country: "at",
			region: " Tyrol ",
			city: "Innsbruck",
			lat: 47.27,
			lon: 11.39,
			utm: { source: "flyer", medium: "print", campaign: "x".repeat(300) },
		});
		expect(id).toBe("till-4:0001");
		const scan = await found(id);
		expect(scan).toEqual({
			...{ id, ownId: true, organisation: "default", code: code.id, slug: "menu", at: Date.parse(at), source: "qr" },
			...{ device: "mobile", bot: false, os: "iOS", browser: "Safari", language: "de", referrer: "www.news.example" },
			...{ country: "AT", region: "Tyrol", city: "Innsbruck", lat: 47.27, lon: 11.39, placement: "table4" },
			...{ utm_source: "flyer", utm_medium: "print", utm_campaign: "x".repeat(128), visitor: expect.any(String) },
		});
		expect(scan?.visitor).not.toContain("customer");
	});

	test("knows its country by its address", async () => {
		expect(await found((await post({ code: "menu", ip: "8.8.8.8" })).id)).toMatchObject({ country: "US" });
	});

	test.each([
		["code", 7],
		["code", null],
		["id", "with space"],
		["id", "x".repeat(129)],
		["at", "2026-01-01 10:00"],
		["at", "2026-01-01T10:00:00"],
		["at", new Date(Date.now() + 6 * 60_000).toISOString()],
		["at", new Date(Date.now() - 401 * 86_400_000).toISOString()],
		["source", "tv"],
		["visitor", ""],
		["ip", "300.1.1.1"],
		["ip", null],
		["userAgent", 1],
		["referrer", "not an address"],
		["language", "!"],
		["country", "ZZ"],
		["country", "Germany"],
		["lat", 91],
		["lon", "11"],
		["utm", "flyer"],
		["utm.source", 4],
		["utm.term", "x"],
		["surprise", true],
	])("is refused when %s is %j, by that name", async (path, value) => {
		const [field = "", inner] = path.split(".");
		const body = { code: "menu", [field]: inner ? { [inner]: value } : value };
		const problem = await gateway.api.refused("POST", "/api/v1/scans", body);
		expect({ status: problem.status, code: problem.code, path: problem.errors?.[0]?.path }).toEqual({
			status: 422,
			code: "invalid",
			path,
		});
	});

	test("of a code that nobody made is refused as unknown_code", async () => {
		const problem = await gateway.api.refused("POST", "/api/v1/scans", { code: "nobodys" });
		expect(problem).toMatchObject({ status: 422, code: "unknown_code" });
		expect(problem.errors?.[0]?.path).toBe("code");
	});

	test("is accepted for a code that is switched off", async () => {
		const off = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/", active: false });
		expect((await post({ code: off.slug })).id).toBeTruthy();
	});
});

describe("a batch", () => {
	test("is taken item by item, repeats included", async () => {
		const answer = await gateway.api.post("/api/v1/scans/batch", {
			scans: [
				{ code: "menu", id: "b1" },
				{ code: "nobodys" },
				7,
				{ code: "menu", id: "b1" },
				{ code: "menu", lat: "x" },
			],
		});
		expect(answer).toEqual({
			accepted: 2,
			ids: ["b1", "b1"],
			rejected: [
				{ index: 1, code: "unknown_code", detail: expect.stringContaining("code") },
				{ index: 2, code: "invalid", detail: expect.any(String) },
				{ index: 4, code: "invalid", detail: expect.stringContaining("lat") },
			],
		});
	});

	test("of which nothing can be taken is answered 202 as well", async () => {
		const answer = await gateway.api.post("/api/v1/scans/batch", { scans: [{}] });
		expect(answer).toEqual({
			accepted: 0,
			ids: [],
			rejected: [{ index: 0, code: "invalid", detail: expect.any(String) }],
		});
	});

	test("of 1,000 is one message, one more is refused", async () => {
		const before = (await gateway.messages()).length;
		const scans = Array.from({ length: 1_000 }, (_, index) => ({ code: "menu", id: `k${index}` }));
		expect(await gateway.api.post("/api/v1/scans/batch", { scans })).toMatchObject({ accepted: 1_000 });
		expect((await gateway.messages()).length).toBe(before + 1);
		for (const wrong of [{ scans: [...scans, { code: "menu" }] }, { scans: [] }, { scans: {} }, {}]) {
			expect((await gateway.api.refused("POST", "/api/v1/scans/batch", wrong)).errors?.[0]?.path).toBe("scans");
		}
	});
});

test("more than 2,000 scans a second of one key are asked to wait, batches counted by their scans", async () => {
	const limited = await startGateway({ RATE_LIMITS: "on" });
	await limited.api.post<Code>("/api/v1/codes", { url: "https://shop.example/", slug: "menu" });
	const { secret } = await limited.api.post<{ secret: string }>("/api/v1/keys", {
		name: "till",
		scopes: ["scans:write"],
	});
	const scans = Array.from({ length: 1_000 }, () => ({ code: "menu" }));
	const send = () =>
		limited.api.request("POST", "/api/v1/scans/batch", { scans }, { authorization: `Bearer ${secret}` });
	const statuses = (await Promise.all([send(), send(), send(), send()])).map(({ status }) => status).sort();
	expect(statuses).toEqual([202, 202, 429, 429]);
	expect((await limited.scans()).length).toBe(2_000);
});
