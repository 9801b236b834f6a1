/*
 * Where a scenario runs: a stack of its own on private ports with temporary data, or an address that is given. Codes are
 * made anew for each run, so that what was counted of them is what this run sent.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Caller, KNOWN_EVERYWHERE_MS } from "../chaos/ask.ts";
import { until } from "../servers/until.ts";
import { startStack } from "../stack/start.ts";
import type { LoadCode } from "./plan.ts";

export interface Place {
	readonly url: string;
	readonly realtimeUrl: string;
	readonly key: string;
	readonly caller: Caller;
	/** Of a stack that was started: the folder of its data, and how often one of its processes died so far. */
	readonly own?: { readonly dir: string; deaths(): number };
	close(): Promise<void>;
}

export interface Given {
	readonly target: string | undefined;
	readonly key: string | undefined;
	/** Variables of a stack that is started. */
	readonly env: Readonly<Record<string, string>>;
	readonly aborted: AbortSignal;
}

const OWN_KEY = "administrator-key-of-the-load";
const CALL_MS = 15_000;
const READY_MS = 60_000;
/** Codes made at once. */
const MAKERS = 8;

export async function openPlace({ target, key, env, aborted }: Given): Promise<Place> {
	if (target !== undefined) {
		if (key === undefined) throw new Error("--target needs --key, an API key with every scope");
		return reach(target.replace(/\/$/, ""), key, async () => undefined);
	}
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-load-"));
	const remove = () => rm(dir, { recursive: true, force: true });
	try {
		const variables = { SCANPULSE_ADMIN_KEY: OWN_KEY, LOG_LEVEL: "warn", TRUST_PROXY: "1", ...env };
		let deaths = 0;
		const report = (member: string, what: string) => {
			if (what.startsWith("serves")) return;
			if (!what.startsWith("starts again")) deaths++;
			console.log(`${new Date().toISOString()} ${member} ${what}`);
		};
		const stack = await startStack({ dir, env: variables, aborted, report });
		const place = await reach(stack.url, OWN_KEY, async () => {
			await stack.close();
			await remove();
		});
		return { ...place, own: { dir, deaths: () => deaths } };
	} catch (error) {
		await remove();
		throw error;
	}
}

async function reach(url: string, key: string, end: () => Promise<void>): Promise<Place> {
	const caller = new Caller(url, key, CALL_MS);
	const close = async () => {
		caller.close();
		await end();
	};
	try {
		await until(() => caller.json("GET", "/api/v1/codes?pageSize=1"), { what: `${url} to serve`, timeoutMs: READY_MS });
		const { realtimeUrl } = await caller.json<{ realtimeUrl: string }>("GET", "/api/v1/client");
		return { url, realtimeUrl: realtimeUrl || url, key, caller, close };
	} catch (error) {
		await close();
		throw error;
	}
}

/** Makes codes, and resolves when every gateway may be taken to know them. */
export async function makeCodes({ caller }: Place, count: number): Promise<LoadCode[]> {
	const run = Date.now().toString(36);
	const codes: LoadCode[] = [];
	let next = 0;
	await Promise.all(
		Array.from({ length: MAKERS }, async () => {
			while (next < count) {
				const n = next++;
				const body = { slug: `load-${run}-${n}`, url: "https://example.com/landing", name: `Load ${run} ${n}` };
				const { id, slug } = await caller.json<LoadCode>("POST", "/api/v1/codes", body);
				codes[n] = { id, slug };
			}
		}),
	);
	for (const { slug } of codes.slice(-MAKERS)) {
		const known = async () => (await caller.ask({ method: "HEAD", path: `/q/${slug}` })).status === 302;
		for (let each = 0; each < MAKERS; each++) await until(known, { what: `code ${slug} to be known` });
	}
	await delay(KNOWN_EVERYWHERE_MS);
	return codes;
}
