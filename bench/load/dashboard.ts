/*
 * A dashboard that somebody looks at: it opens pages, stays a while, goes on, and asks what the browser's pages ask, when
 * they do: when a page or range is opened, once a minute from then on, and three seconds after a scan that its channel
 * told of.
 */
import { Agent, get } from "node:http";
import { io, type Socket } from "socket.io-client";
import type { AnalyticsUpdate, SubscribeReply, Update } from "../../contracts/live.ts";
import { KEY } from "./subjects.ts";

/** An analytics read that was answered, or not. */
export interface Read {
	/** HTTP status; 0 when there was no answer. */
	readonly status: number;
	/** Why there was no answer, such as `ECONNRESET`. */
	readonly error?: string;
	readonly cache: string;
	readonly tookMs: number;
	/** How old the answer was when it was asked for, ms; undefined when its range does not include now. */
	readonly ageMs: number | undefined;
	readonly what: string;
}

export interface DashboardOptions {
	readonly url: string;
	readonly realtimeUrl: string;
	/** @defaultValue that of the benches */
	readonly key?: string;
	/** Ids of codes. */
	readonly codes: readonly string[];
	/** Picks the next code to look at. */
	readonly pick: () => number;
	/** How long a page is looked at, in the mean, ms; for as long as it takes when it hangs on a wall. */
	readonly stayMs: number;
	readonly onRead: (read: Read) => void;
}

type Parameters = Readonly<Record<string, string>>;
type Range = "today" | "7d" | "30d" | "12m";

/** What each page lists, besides its summary, its series and the live half hour. */
const LISTS = {
	overview: ["code", "country", "device", "placement"],
	code: ["placement", "country", "device", "language"],
} as const;
const SHOWN = 7;
const ALL_CODES = 300;
/** How long after a scan the lists are asked for again, ms. */
const LISTS_AFTER_MS = 3_000;
/**
 * A connection that nothing was asked on for so long is ended here, ms: the server ends it a little later, and might do so
 * while the next request is on its way. Browsers ask again then; Node's client does not.
 */
export const IDLE_MS = 30_000;
const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

export class Dashboard {
	readonly #options: DashboardOptions;
	readonly #key: string;
	readonly #agent = new Agent({ keepAlive: true, maxSockets: 6, timeout: IDLE_MS });
	readonly #socket: Socket;
	readonly #timers = new Set<NodeJS.Timeout>();
	#channel: string | undefined;
	#code: string | undefined;
	#range: Range = "today";
	/** Counts pages and ranges, so that what belongs to one that was left does nothing. */
	#view = 0;
	/** Counts what is looked at, whatever its range. */
	#visit = 0;
	#scans = -1;
	#pulsing = false;

	constructor(options: DashboardOptions) {
		this.#options = options;
		this.#key = options.key ?? KEY;
		this.#socket = io(`${options.realtimeUrl}/analytics`, {
			...{ auth: { token: this.#key }, transports: ["websocket"], forceNew: true },
		});
		this.#socket.on("update", ({ channel, data }: Update<AnalyticsUpdate>) => {
			if (channel === this.#channel) this.#told(data.total.scans);
		});
		// A new connection holds no channels.
		this.#socket.on("connect", () => void this.#subscribe());
		this.#browse();
	}

	close(): void {
		this.#view++;
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers.clear();
		this.#socket.disconnect();
		this.#agent.destroy();
	}

	/** Looks at a page for a while, then at another. */
	#browse(): void {
		const chance = Math.random();
		if (this.#channel !== undefined && chance < 0.2) this.#open(this.#code, anyRange());
		else if (chance < 0.45) this.#open(undefined, "today");
		else {
			if (chance < 0.5) void this.#read("breakdown", { from: daysAgo(29), by: "code", limit: String(ALL_CODES) });
			this.#open(this.#options.codes[this.#options.pick()], "today");
		}
		const { stayMs } = this.#options;
		if (Number.isFinite(stayMs)) this.#later(-Math.log(1 - Math.random()) * stayMs, () => this.#browse());
	}

	#open(code: string | undefined, range: Range): void {
		const view = ++this.#view;
		this.#range = range;
		this.#code = code;
		const channel = code === undefined ? "org" : `code:${code}`;
		if (channel !== this.#channel) {
			if (this.#channel) this.#socket.emit("unsubscribe", { channel: this.#channel }, () => undefined);
			this.#channel = channel;
			this.#scans = -1;
			const visit = ++this.#visit;
			void this.#subscribe();
			this.#eachMinute(
				() => void this.#halfHour(),
				() => visit === this.#visit,
			);
		}
		this.#pulsing = false;
		this.#lists();
		this.#eachMinute(
			() => this.#sums(),
			() => view === this.#view,
		);
	}

	async #subscribe(): Promise<void> {
		const channel = this.#channel;
		if (!channel || !this.#socket.connected) return;
		const reply: SubscribeReply<AnalyticsUpdate> | undefined = await this.#socket
			.timeout(10_000)
			.emitWithAck("subscribe", { channel })
			.catch(() => undefined);
		if (reply?.ok && reply.snapshot && channel === this.#channel) this.#scans = reply.snapshot.total.scans;
	}

	#told(scans: number): void {
		if (scans === this.#scans) return;
		this.#scans = scans;
		if (this.#pulsing) return;
		this.#pulsing = true;
		this.#soon(LISTS_AFTER_MS, () => {
			this.#pulsing = false;
			this.#lists();
		});
	}

	/** Now and every minute from now, as long as it is wanted. */
	#eachMinute(what: () => void, wanted: () => boolean): void {
		what();
		this.#later(MINUTE_MS, () => {
			if (wanted()) this.#eachMinute(what, wanted);
		});
	}

	#sums(): void {
		const today = daysAgo(0);
		const interval = { today: "quarter", "7d": "day", "30d": "day", "12m": "month" }[this.#range];
		void this.#read("summary", { ...this.#scope(), compare: "previous" });
		void this.#read("timeseries", { ...this.#scope(), ...(interval !== "quarter" && { to: today }), interval });
	}

	#lists(): void {
		for (const by of this.#code === undefined ? LISTS.overview : LISTS.code) {
			void this.#read("breakdown", { ...this.#scope(), by, limit: String(SHOWN) });
		}
	}

	#halfHour(): Promise<void> {
		return this.#read("minutes", this.#code === undefined ? {} : { code: this.#code });
	}

	#scope(): Parameters {
		const from = { today: daysAgo(0), "7d": daysAgo(6), "30d": daysAgo(29), "12m": `${daysAgo(330).slice(0, 7)}-01` };
		return { ...(this.#code !== undefined && { code: this.#code }), from: from[this.#range] };
	}

	#read(what: string, parameters: Parameters): Promise<void> {
		const url = new URL(`/api/v1/analytics/${what}?${new URLSearchParams(parameters)}`, this.#options.url);
		const asked = Date.now();
		const begun = performance.now();
		const open = parameters.to === undefined;
		const name = what === "breakdown" ? `${what} by ${parameters.by}` : what;
		return new Promise((resolve) => {
			const end = (status: number, cache: string, asOf?: number, error?: string) => {
				const tookMs = performance.now() - begun;
				const ageMs = open && asOf !== undefined ? asked - asOf : undefined;
				this.#options.onRead({ status, cache, tookMs, ageMs, what: name, ...(error !== undefined && { error }) });
				resolve();
			};
			// A page that is left takes its requests with it: the agent's end is no failure.
			const fail = ({ code, message }: NodeJS.ErrnoException) =>
				this.#timers.size > 0 ? end(0, "", undefined, code ?? message) : resolve();
			const request = get(url, { agent: this.#agent, headers: { authorization: `Bearer ${this.#key}` } }, (answer) => {
				let text = "";
				answer.setEncoding("utf8").on("data", (chunk: string) => {
					text += chunk;
				});
				answer.once("end", () => {
					const asOf = answer.statusCode === 200 ? Date.parse((JSON.parse(text) as { asOf: string }).asOf) : undefined;
					end(answer.statusCode ?? 0, String(answer.headers["x-cache"]), asOf);
				});
				answer.once("error", fail);
			});
			request.once("error", fail);
		});
	}

	/** In this view only. */
	#soon(ms: number, what: () => void): void {
		const view = this.#view;
		this.#later(ms, () => {
			if (view === this.#view) what();
		});
	}

	#later(ms: number, what: () => void): void {
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			what();
		}, ms);
		this.#timers.add(timer);
	}
}

function daysAgo(days: number): string {
	return new Date(Date.now() - days * DAY_MS).toISOString().slice(0, 10);
}

function anyRange(): Range {
	return (["today", "7d", "30d", "12m"] as const)[Math.floor(Math.random() * 4)] as Range;
}
