/* The thread of lean-load.ts. */
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { parentPort, workerData } from "node:worker_threads";
import { makeRequests } from "../../bench/load/requests.ts";
import { KINDS, type Kind, type LeanOptions, type LeanResult, type Outcome, quantile } from "./lean-load.ts";

interface Sent {
	readonly kind: Kind;
	/** When it was due, ms of performance.now. */
	readonly due: number;
	readonly tally: Record<Kind, Tally>;
	readonly second: Tally;
}

interface Connection {
	socket: Socket;
	sent: Sent | undefined;
	unread: string;
}

/** What is being counted of a span. */
class Tally {
	due = 0;
	durable = 0;
	forbidden = 0;
	answered = 0;
	readonly servedMs: number[] = [];
	readonly refusedMs: number[] = [];

	outcome(): Outcome {
		const { due, durable, forbidden, answered, servedMs, refusedMs } = this;
		return {
			...{ due, durable, forbidden, served: servedMs.length, refused: refusedMs.length, unanswered: due - answered },
			...{ servedMs: Float64Array.from(servedMs), refusedMs: Float64Array.from(refusedMs) },
		};
	}
}

const PATIENCE_MS = 10_000;
const HUNDRED = 100;
const WORTH_CUTTING = 1_000;

const options = workerData as LeanOptions;
const target = new URL(options.url);
const port = Number(target.port || (target.protocol === "https:" ? 443 : 80));
const common = { slugs: options.slugs, key: options.key, batch: 1, host: target.host };
const requests: Record<Kind, Buffer[]> = {
	scans: makeRequests({ ...common, kind: "scans" }),
	redirects: makeRequests({ ...common, kind: "redirects" }),
};
const next: Record<Kind, number> = { scans: 0, redirects: 0 };
const statuses: Record<string, number> = {};
const connections: Connection[] = [];
const idle: Connection[] = [];
/** Due while every connection is busy; the first `gone` of them are sent. */
let waiting: Sent[] = [];
let gone = 0;
let underWay = 0;
let stopping = false;

function send(connection: Connection, sent: Sent): void {
	connection.sent = sent;
	underWay++;
	const all = requests[sent.kind];
	connection.socket.write(all[next[sent.kind]++ % all.length] as Buffer);
}

/** Whether an answer has come whole. */
function whole(text: string): boolean {
	const end = text.indexOf("\r\n\r\n");
	if (end < 0) return false;
	const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? "0";
	return text.length >= end + 4 + Number(length);
}

function note({ kind, due, tally, second }: Sent, text: string): void {
	const took = performance.now() - due;
	const status = text.slice(9, 12);
	for (const span of [tally[kind], second]) {
		span.answered++;
		if (status === "202" || status === "302") {
			span.servedMs.push(took);
			if (status === "202" || text.includes("X-Scan-Id")) span.durable++;
		} else if ((status === "503" || status === "429") && /\r\nretry-after: *\d/i.test(text)) span.refusedMs.push(took);
		else span.forbidden++;
	}
	if (status !== "202" && status !== "302") statuses[status] = (statuses[status] ?? 0) + 1;
}

function free(connection: Connection): void {
	if (connection.sent) underWay--;
	connection.sent = undefined;
	connection.unread = "";
	const due = waiting[gone];
	if (!due) {
		idle.push(connection);
		return;
	}
	if (++gone === WORTH_CUTTING) {
		waiting = waiting.slice(gone);
		gone = 0;
	}
	send(connection, due);
}

/** Opens a connection, and again when the server has closed it; what was sent on it is never answered. */
function open(connection: Connection): Promise<void> {
	const { promise, resolve } = Promise.withResolvers<void>();
	const opened = () => {
		free(connection);
		resolve();
	};
	const { hostname: host } = target;
	const socket =
		target.protocol === "https:"
			? connectTls({ host, port, servername: host }, opened)
			: connect({ host, port, noDelay: true }, opened);
	connection.socket = socket;
	socket.setEncoding("latin1");
	socket.on("data", (chunk: string) => {
		const text = connection.unread === "" ? chunk : connection.unread + chunk;
		connection.unread = whole(text) ? "" : text;
		if (connection.unread !== "" || !connection.sent) return;
		note(connection.sent, text);
		free(connection);
	});
	socket.on("error", () => undefined);
	socket.on("close", () => {
		if (connection.sent) underWay--;
		connection.sent = undefined;
		const at = idle.indexOf(connection);
		if (at >= 0) idle.splice(at, 1);
		resolve();
		if (!stopping) setTimeout(() => void open(connection), 100);
	});
	return promise;
}

for (let n = 0; n < options.connections; n++)
	connections.push({ socket: undefined as never, sent: undefined, unread: "" });
await Promise.all(connections.map(open));

const phases = options.phases.map((phase) => ({
	...phase,
	tally: { scans: new Tally(), redirects: new Tally() } satisfies Record<Kind, Tally>,
}));
const seconds: { phase: string; tally: Tally }[] = [];
const origin = performance.now();

function secondOf(at: number, phase: string): Tally {
	const index = Math.floor((at - origin) / 1_000);
	seconds[index] ??= { phase, tally: new Tally() };
	return (seconds[index] as { tally: Tally }).tally;
}

let number = 0;
let begin = origin;
for (const { name, rate, seconds: length, tally } of phases) {
	let sent = 0;
	const total = Math.round(rate * length);
	const endOf = begin + length * 1_000;
	while (sent < total) {
		const due = Math.min(total, Math.floor(((performance.now() - begin) / 1_000) * rate));
		for (; sent < due; sent++) {
			const at = begin + (sent * 1_000) / rate;
			const kind: Kind = (number++ * 37) % HUNDRED < options.redirects ? "redirects" : "scans";
			const second = secondOf(at, name);
			tally[kind].due++;
			second.due++;
			const request: Sent = { kind, due: at, tally, second };
			// In turns, so that every process behind the address gets its share.
			const connection = idle.shift();
			if (connection) send(connection, request);
			else waiting.push(request);
		}
		if (sent < total) await delay(1);
	}
	await delay(Math.max(0, endOf - performance.now()));
	begin = endOf;
}
const patience = performance.now() + PATIENCE_MS;
while ((underWay > 0 || waiting.length > gone) && performance.now() < patience) await delay(20);
stopping = true;
for (const { socket } of connections) socket.destroy();

const result: LeanResult = {
	begunAt: performance.timeOrigin + origin,
	phases: phases.map(({ name, tally }) => ({
		name,
		outcomes: Object.fromEntries(KINDS.map((kind) => [kind, tally[kind].outcome()])) as Record<Kind, Outcome>,
	})),
	seconds: seconds.map(({ phase, tally }, at) => ({
		...{ at, phase, due: tally.due, served: tally.servedMs.length, refused: tally.refusedMs.length },
		...{ p50: quantile(tally.servedMs, 0.5), p99: quantile(tally.servedMs, 0.99) },
	})),
	statuses,
};
parentPort?.postMessage(result);
