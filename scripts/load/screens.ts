/*
 * People who look at the dashboard: nineteen of twenty hold a code's channel, scan that code now and then, and measure on one clock
 * how long after the scan's POST the update that counts it is there. The twentieth reads what the dashboard's pages read.
 */
import { Agent, request } from "node:http";
import { Agent as TlsAgent, request as tlsRequest } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { Dashboard, IDLE_MS } from "../../bench/load/dashboard.ts";
import { zipf } from "../../bench/load/zipf.ts";
import { KIND_OF_ANSWER, kindOfAnswer } from "./answers.ts";
import type { LoadCode, LoadPlan } from "./plan.ts";
import { ScreenSocket } from "./screen-socket.ts";

/** What Artillery collects. */
export interface Metrics {
	emit(kind: "counter" | "histogram", name: string, value: number): void;
}

export interface LookOptions {
	/** Everybody leaves so many seconds after the first came. */
	readonly untilSecond: number;
	/** Before this second nothing is measured: caches fill, code is compiled. */
	readonly warmUpSeconds: number;
	/** Screens that one virtual user looks at. */
	readonly screensEach: number;
	/** How often the code of each is scanned, in the mean. */
	readonly scanEverySeconds: number;
}

const READER_EVERY = 20;
const HOLDS_ORGANISATION_EVERY = 20;
/** How long a reader looks at a page, in the mean, ms; two of five screens hang on a wall and stay where they are. */
const STAY_MS = 90_000;
const WALLS = 0.4;
const UPDATE_PATIENCE_MS = 10_000;
const SUBSCRIBE_MS = 20_000;
const BUSY_EVERY_MS = 250;
const BUSY_SCANS = 5;
/** Nobody scans in the last moments, so that what was scanned is seen. */
const QUIET_AT_THE_END_MS = 3_000;

let first: number | undefined;
let came = 0;
let watching = 0;
let open = 0;
let most = 0;

/** Some come, look, and leave with everybody else; who comes when every code is looked at already leaves at once. */
export async function lookAtScreens(plan: LoadPlan, metrics: Metrics, options: LookOptions): Promise<void> {
	await Promise.all(Array.from({ length: options.screensEach }, () => lookAtScreen(plan, metrics, options)));
}

async function lookAtScreen(plan: LoadPlan, metrics: Metrics, options: LookOptions): Promise<void> {
	const isFirst = first === undefined;
	first ??= performance.now();
	const end = first + options.untilSecond * 1_000;
	if (isFirst) void scanBusyCodes(plan, metrics, end);
	const measuredFrom = first + options.warmUpSeconds * 1_000;
	const n = came++;
	if (n >= (plan.watched.length * READER_EVERY) / (READER_EVERY - 1)) return;
	if (n % READER_EVERY === READER_EVERY - 1) return read(plan, metrics, end, measuredFrom);
	const code = plan.watched[watching++];
	if (code) await new Screen(plan, metrics, code, options.scanEverySeconds).look(end, measuredFrom, n);
}

/** The counter's sum is the most connections that were open at once. */
function connected(metrics: Metrics, by: 1 | -1): void {
	open += by;
	if (open <= most) return;
	most = open;
	metrics.emit("counter", "connections.most", 1);
}

async function read(plan: LoadPlan, metrics: Metrics, end: number, measuredFrom: number): Promise<void> {
	const pick = zipf(plan.busy.length);
	const dashboard = new Dashboard({
		...{ url: plan.url, realtimeUrl: plan.realtimeUrl, key: plan.key, codes: plan.busy.map(({ id }) => id) },
		...{ pick, stayMs: Math.random() < WALLS ? Number.POSITIVE_INFINITY : STAY_MS },
		onRead({ status, error, cache, tookMs }) {
			const kind = kindOfAnswer(status, "1");
			for (const each of KIND_OF_ANSWER) metrics.emit("counter", `answers.${each}`, each === kind ? 1 : 0);
			if (kind !== "served") metrics.emit("counter", `statuses.${error ?? status}`, 1);
			if (status !== 200 || performance.now() < measuredFrom) return;
			metrics.emit("counter", "cache.reads", 1);
			metrics.emit("counter", "cache.hits", cache === "miss" ? 0 : 1);
			metrics.emit("histogram", "read_ms", tookMs);
		},
	});
	connected(metrics, 1);
	await delay(Math.max(0, end - performance.now()));
	connected(metrics, -1);
	dashboard.close();
}

/** What happens on the pages that readers look at: some scans four times a second, of codes by Zipf. */
async function scanBusyCodes({ url, key, busy }: LoadPlan, metrics: Metrics, end: number): Promise<void> {
	const pick = zipf(busy.length);
	while (performance.now() < end - QUIET_AT_THE_END_MS) {
		const scans = Array.from({ length: BUSY_SCANS }, () => ({ code: busy[pick()]?.id }));
		const answer = await fetch(new URL("/api/v1/scans/batch", url), {
			method: "POST",
			headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
			body: JSON.stringify({ scans }),
		}).catch(() => undefined);
		await answer?.arrayBuffer();
		if (answer?.status === 202) metrics.emit("counter", "scans.acknowledged", BUSY_SCANS);
		if (!answer) metrics.emit("counter", "scans.unanswered", BUSY_SCANS);
		await delay(BUSY_EVERY_MS);
	}
}

class Screen {
	static #agent: Agent | undefined;
	readonly #plan: LoadPlan;
	readonly #metrics: Metrics;
	readonly #code: LoadCode;
	readonly #scanEveryMs: number;
	readonly #socket: ScreenSocket;
	/** Scans of the code that were acknowledged, all of them this screen's. */
	#scans = 0;
	/** Told when the code's total has reached what is waited for. */
	#awaited: { readonly total: number; readonly seen: (at: number) => void } | undefined;

	constructor(plan: LoadPlan, metrics: Metrics, code: LoadCode, scanEverySeconds: number) {
		this.#plan = plan;
		this.#metrics = metrics;
		this.#code = code;
		this.#scanEveryMs = scanEverySeconds * 1_000;
		this.#socket = new ScreenSocket({
			...{ url: plan.realtimeUrl, token: plan.key },
			onUpdate: ({ channel, data }) => {
				if (channel !== this.#channel) return;
				const { scans, bots } = data.total;
				if (this.#awaited && scans + bots >= this.#awaited.total) this.#awaited.seen(performance.now());
			},
		});
	}

	get #channel(): string {
		return `code:${this.#code.id}`;
	}

	async look(end: number, measuredFrom: number, n: number): Promise<void> {
		try {
			await this.#subscribe(this.#channel);
			if (n % HOLDS_ORGANISATION_EVERY === 0) await this.#subscribe("org");
			connected(this.#metrics, 1);
			await delay(Math.random() * this.#scanEveryMs);
			while (performance.now() < end - QUIET_AT_THE_END_MS) {
				await this.#scan(measuredFrom);
				const pause = this.#scanEveryMs * (0.5 + Math.random());
				await delay(Math.min(pause, Math.max(0, end - performance.now())));
			}
			await delay(Math.max(0, end - performance.now()));
			this.#metrics.emit("counter", "connections.cut", this.#socket.connected ? 0 : 1);
			connected(this.#metrics, -1);
		} finally {
			this.#socket.close();
		}
	}

	async #subscribe(channel: string): Promise<void> {
		const reply = await this.#socket.subscribe(channel, SUBSCRIBE_MS);
		if (!reply.ok) throw new Error(`${channel} was refused: ${reply.error.code}`);
	}

	async #scan(measuredFrom: number): Promise<void> {
		const sentAt = performance.now();
		const seenAt = new Promise<number | undefined>((resolve) => {
			this.#awaited = { total: this.#scans + 1, seen: resolve };
			setTimeout(() => resolve(undefined), UPDATE_PATIENCE_MS).unref();
		});
		const taken = await this.#post();
		if (!taken) return;
		this.#scans++;
		this.#metrics.emit("counter", "scans.acknowledged", 1);
		const seen = await seenAt;
		this.#awaited = undefined;
		this.#metrics.emit("counter", "updates.not_seen", seen === undefined ? 1 : 0);
		if (seen !== undefined && sentAt >= measuredFrom) this.#metrics.emit("histogram", "update_ms", seen - sentAt);
	}

	/** @returns whether the scan was taken */
	async #post(): Promise<boolean> {
		const { url, key } = this.#plan;
		const body = JSON.stringify({ code: this.#code.id, visitor: `screen-${Math.floor(Math.random() * 1e6)}` });
		const secure = url.startsWith("https:");
		Screen.#agent ??= new (secure ? TlsAgent : Agent)({ keepAlive: true, maxSockets: 64, timeout: IDLE_MS });
		const headers = {
			...{ authorization: `Bearer ${key}`, "content-type": "application/json" },
			"content-length": Buffer.byteLength(body),
		};
		const status = await new Promise<number>((resolve) => {
			const options = { method: "POST", agent: Screen.#agent, headers };
			const outgoing = (secure ? tlsRequest : request)(new URL("/api/v1/scans", url), options, (answer) => {
				answer.resume();
				const kind = kindOfAnswer(answer.statusCode ?? 0, answer.headers["retry-after"]);
				for (const each of KIND_OF_ANSWER) this.#metrics.emit("counter", `answers.${each}`, each === kind ? 1 : 0);
				answer.once("end", () => resolve(answer.statusCode ?? 0));
			});
			outgoing.once("error", () => resolve(0));
			outgoing.end(body);
		});
		if (status === 0) this.#metrics.emit("counter", "scans.unanswered", 1);
		return status === 202;
	}
}
