/*
 * One running product for the tests of a section of the wire contract, and the small things all of them ask of it. Nothing
 * here knows more than the contract says.
 */
import { expect } from "vitest";
import type { NewApiKey, Scope } from "../../contracts/account.ts";
import type { Summary } from "../../contracts/analytics.ts";
import type { Code, CodeInput } from "../../contracts/code.ts";
import { type Api, api, type Problem } from "../harness/api.ts";
import { type Product, type ProductOptions, startProduct, until } from "../harness/product.ts";

export const ADMIN_KEY = "contract-admin-key-0001";

type Headers = Readonly<Record<string, string>>;

export interface Running {
	readonly product: Product;
	readonly url: string;
	/** Speaks with the administrator's key. */
	readonly admin: Api;
	/** Any request without a credential of its own; redirects are not followed. */
	ask(method: string, path: string, init?: RequestInit): Promise<Response>;
	/** A phone that scans: GET, redirects not followed. */
	phone(path: string, headers?: Headers): Promise<Response>;
	code(input?: Partial<CodeInput>): Promise<Code>;
	/** A key with these scopes and a client that speaks with it. */
	key(scopes: readonly Scope[], more?: { expiresAt?: string }): Promise<NewApiKey & { client: Api }>;
	/** The summary once everything in the log is in it; never one that a cache held from before. */
	counted(query: Readonly<Record<string, string>>): Promise<Summary>;
	/** Any analytics answer, once complete and not from before. */
	complete<T extends { complete: boolean }>(path: string, query: Readonly<Record<string, string>>): Promise<T>;
}

/** Starts the product with an administrator's key; requests may name their address (`X-Forwarded-For`). */
export async function startRunning({ env, ...options }: ProductOptions = {}): Promise<Running> {
	const product = await startProduct({
		env: { SCANPULSE_ADMIN_KEY: ADMIN_KEY, RATE_LIMITS: "off", TRUST_PROXY: "1", ...env },
		...options,
	});
	return running(product);
}

export function running(product: Product): Running {
	const { url } = product;
	const admin = api(url, ADMIN_KEY);
	const ask: Running["ask"] = (method, path, init = {}) => fetch(url + path, { method, redirect: "manual", ...init });
	const complete = <T extends { complete: boolean }>(path: string, query: Readonly<Record<string, string>>) =>
		until(
			async () => {
				const answer = await admin.get<T>(`${path}?${new URLSearchParams({ ...query, ...unseen(query) })}`);
				return answer.complete && answer;
			},
			{ what: `${path} of ${JSON.stringify(query)} to be complete`, timeoutMs: 20_000 },
		);
	return {
		product,
		url,
		admin,
		ask,
		phone: (path, headers = {}) => ask("GET", path, { headers }),
		code: (input = {}) => admin.post<Code>("/api/v1/codes", { url: "https://example.org/", ...input }),
		async key(scopes, more = {}) {
			const made = await admin.post<NewApiKey>("/api/v1/keys", { name: "contract", scopes, ...more });
			return { ...made, client: api(url, made.secret) };
		},
		complete,
		counted: (query) => complete<Summary>("/api/v1/analytics/summary", query),
	};
}

let asked = 0;

/** Makes a question one that no cache has answered yet: another first instant, long before every scan. */
function unseen(query: Readonly<Record<string, string>>): { from?: string } {
	return query.from === undefined ? { from: new Date(Date.UTC(2020, 0, 1) + ++asked).toISOString() } : {};
}

/** Holds an answer to what every refusal must be, and gives its problem. */
export async function problemOf(response: Response, status: number, code: string): Promise<Problem> {
	const text = await response.text();
	expect({ status: response.status, body: text }).toEqual({ status, body: expect.any(String) });
	expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json\b/);
	const problem = JSON.parse(text) as Problem;
	expect(problem).toMatchObject({
		type: expect.any(String),
		title: expect.any(String),
		status,
		detail: expect.any(String),
		code,
		requestId: response.headers.get("x-request-id"),
	});
	expect(text).not.toMatch(/\.ts:\d+|node_modules|\n {4}at /);
	return problem;
}

/** Works through a list with a few requests at a time. */
export async function each<T>(items: readonly T[], work: (item: T) => Promise<void>, atOnce = 12): Promise<void> {
	const left = items.values();
	await Promise.all(
		Array.from({ length: atOnce }, async () => {
			for (const item of left) await work(item);
		}),
	);
}
