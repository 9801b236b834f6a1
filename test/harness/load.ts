/*
 * A crowd that scans: phones that follow codes, and systems that post scans with and without ids of their own and repeat
 * what was not answered, as real SDKs do. It keeps its own record, against which the product's numbers are held.
 */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";

export interface CrowdOptions {
	/** Where to scan; may fail while the product is down. */
	readonly url: string;
	readonly key: string;
	/** Slugs of codes that exist. */
	readonly slugs: readonly string[];
	/** Scans begun per second. */
	readonly rate: number;
}

/** What the crowd knows: each scan is in exactly one of these. */
export interface CrowdRecord {
	/** Posted and answered 202: must be counted, each once. */
	posted: number;
	/** Redirected with X-Scan-Id: must be counted. */
	redirected: number;
	/** Redirected without X-Scan-Id: may be counted. */
	hurried: number;
	/** Never answered, and not safe to repeat: may be counted. */
	unanswered: number;
}

export interface Crowd {
	readonly record: CrowdRecord;
	/** Begins no more scans and repeats what must be repeated until all is answered. */
	finish(timeoutMs?: number): Promise<CrowdRecord>;
}

const TICK_MS = 20;
const ANSWER_TIMEOUT_MS = 5_000;
const REPEAT_AFTER_MS = 150;

export function startCrowd({ url, key, slugs, rate }: CrowdOptions): Crowd {
	const agent = new Agent({ keepAlive: true, maxSockets: 64 });
	const record: CrowdRecord = { posted: 0, redirected: 0, hurried: 0, unanswered: 0 };
	const open = new Set<Promise<void>>();
	const begin = performance.now();
	let begun = 0;
	let finishBy = Number.POSITIVE_INFINITY;

	async function redirect(slug: string): Promise<void> {
		const answer = await ask(agent, `${url}/q/${slug}`, "GET").catch(() => undefined);
		if (answer?.status !== 302) record.unanswered++;
		else if (answer.headers["x-scan-id"]) record.redirected++;
		else record.hurried++;
	}

	async function post(path: string, body: unknown, scans: number, repeatable: boolean): Promise<void> {
		for (;;) {
			const answer = await ask(agent, `${url}${path}`, "POST", key, body).catch(() => undefined);
			if (answer?.status === 202) {
				record.posted += scans;
				return;
			}
			// An answer other than 202 says that nothing was accepted; no answer says nothing at all.
			if (answer === undefined && !repeatable) {
				record.unanswered += scans;
				return;
			}
			if (answer && answer.status < 500 && answer.status !== 429)
				throw new Error(`${path} was answered ${answer.status}: ${answer.body}`);
			if (performance.now() > finishBy)
				throw new Error(
					`${path} was not answered in time (last: ${answer?.status ?? "no answer"} ${answer?.body ?? ""})`,
				);
			await delay(REPEAT_AFTER_MS);
		}
	}

	function scanOnce(): void {
		const slug = slugs[begun % slugs.length] as string;
		const kind = begun++ % 4;
		const visitor = `visitor-${begun % 500}`;
		const one = () => ({ code: slug, id: randomUUID(), visitor });
		const work =
			kind === 0
				? redirect(slug)
				: kind === 1
					? post("/api/v1/scans", { code: slug, visitor }, 1, false)
					: kind === 2
						? post("/api/v1/scans", one(), 1, true)
						: post("/api/v1/scans/batch", { scans: [one()] }, 1, true);
		const tracked = work.finally(() => open.delete(tracked));
		tracked.catch((error) => failures.push(error));
		open.add(tracked);
	}

	const failures: unknown[] = [];
	const timer = setInterval(() => {
		const due = Math.floor(((performance.now() - begin) / 1_000) * rate);
		while (begun < due) scanOnce();
	}, TICK_MS);

	return {
		record,
		async finish(timeoutMs = 30_000) {
			clearInterval(timer);
			finishBy = performance.now() + timeoutMs;
			while (open.size > 0) await Promise.allSettled(open);
			agent.destroy();
			if (failures.length > 0)
				throw new AggregateError(failures, `${failures.length} scans of the crowd failed: ${failures[0]}`);
			return record;
		},
	};
}

interface Reply {
	readonly status: number;
	readonly headers: Readonly<Record<string, string | string[] | undefined>>;
	readonly body: string;
}

function ask(agent: Agent, url: string, method: string, key?: string, body?: unknown): Promise<Reply> {
	const text = body === undefined ? undefined : JSON.stringify(body);
	return new Promise((resolve, reject) => {
		const headers = {
			...(key && { authorization: `Bearer ${key}` }),
			...(text && { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
		};
		const outgoing = request(url, { method, agent, headers, timeout: ANSWER_TIMEOUT_MS }, (incoming) => {
			const chunks: Buffer[] = [];
			incoming.on("data", (chunk: Buffer) => chunks.push(chunk));
			incoming.on("end", () =>
				resolve({
					status: incoming.statusCode ?? 0,
					headers: incoming.headers,
					body: Buffer.concat(chunks).toString(),
				}),
			);
			incoming.on("error", reject);
			// A server killed in the middle of an answer leaves it without an end.
			incoming.on("close", () => reject(new Error("cut off")));
		});
		outgoing.on("timeout", () => outgoing.destroy(new Error("no answer in time")));
		outgoing.on("error", reject);
		outgoing.end(text);
	});
}

/** Counts must be at least what was durably acknowledged, and no more than that and what may have been counted. */
export function bounds({ posted, redirected, hurried, unanswered }: CrowdRecord): { least: number; most: number } {
	const least = posted + redirected;
	return { least, most: least + hurried + unanswered };
}
