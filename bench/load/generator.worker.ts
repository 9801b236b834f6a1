/*
 * The thread that makes load over keep-alive connections, one request at a time on each, on bare sockets, so that the
 * generator costs less than any server that answers it. Closed loop: each connection asks again when it was answered.
 * Open loop: requests are due at a steady rate whatever the answers do, and a request's time counts from when it was due,
 * so that a server that stalls is not spared the requests that it kept from being sent.
 */
import { connect, type Socket } from "node:net";
import { parentPort, workerData } from "node:worker_threads";
import type { LoadOptions, LoadResult } from "./generator.ts";
import { type ProcessorTime, processorTime } from "./processor-time.ts";
import { makeRequests } from "./requests.ts";

interface Connection {
	readonly socket: Socket;
	/** When its request was due, ms of performance.now. */
	due: number;
	unread: string;
}

const options = workerData as LoadOptions;
const requests = makeRequests(options);
const { hostname, port } = new URL(options.url);
const statuses: Record<string, number> = {};
const times: number[] = [];
const idle: Connection[] = [];
/** Instants at which requests were due that found no idle connection. */
const waiting: number[] = [];
let durable = 0;
let next = 0;
let measuring = false;
let stopping = false;
let failure: Error | undefined;

function send(connection: Connection, due: number): void {
	connection.due = due;
	connection.socket.write(requests[next++ % requests.length] as Buffer);
}

/** The whole of an answer, or undefined while more is to come. */
function whole(text: string): boolean {
	const end = text.indexOf("\r\n\r\n");
	if (end < 0) return false;
	const length = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, end + 2))?.[1] ?? "0";
	return text.length >= end + 4 + Number(length);
}

function answered(connection: Connection, text: string): void {
	const now = performance.now();
	if (measuring) {
		const status = text.slice(9, 12);
		statuses[status] = (statuses[status] ?? 0) + 1;
		if (status === "202" || text.includes("X-Scan-Id")) durable++;
		if (options.rate !== undefined) times.push(now - connection.due);
	}
	if (stopping) idle.push(connection);
	else if (options.rate === undefined) send(connection, now);
	else if (waiting.length > 0) send(connection, waiting.shift() as number);
	else idle.push(connection);
}

function open(): Promise<Connection> {
	return new Promise((resolve, reject) => {
		const socket = connect({ host: hostname, port: Number(port), noDelay: true }, () => resolve(connection));
		const connection: Connection = { socket, due: 0, unread: "" };
		socket.setEncoding("latin1");
		socket.on("data", (chunk: string) => {
			const text = connection.unread === "" ? chunk : connection.unread + chunk;
			connection.unread = whole(text) ? "" : text;
			if (connection.unread === "") answered(connection, text);
		});
		socket.on("error", (error) => {
			failure ??= error;
			reject(error);
		});
		socket.on("close", () => {
			if (!stopping) failure ??= new Error("The server closed a connection");
		});
	});
}

/** Sends what has become due since the last call; every request has its own instant. */
function sendDue(begin: number, rate: number, sent: number): number {
	const due = Math.floor(((performance.now() - begin) / 1_000) * rate);
	for (let n = sent; n < due; n++) {
		const instant = begin + (n * 1_000) / rate;
		const connection = idle.pop();
		if (connection) send(connection, instant);
		else waiting.push(instant);
	}
	return due;
}

function delay(ms: number): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, ms));
}

/** µs a request. */
function costOf(from: ProcessorTime | undefined, to: ProcessorTime | undefined, count: number): LoadResult["cost"] {
	if (!from || !to || count === 0) return undefined;
	const each = (ms: number) => (1_000 * ms) / count;
	return { process: each(to.process - from.process), main: each(to.main - from.main) };
}

const connections = await Promise.all(Array.from({ length: options.connections }, open));
const begin = performance.now();
let pacing: NodeJS.Timeout | undefined;
if (options.rate === undefined) for (const connection of connections) send(connection, begin);
else {
	idle.push(...connections);
	const { rate } = options;
	let sent = 0;
	pacing = setInterval(() => {
		sent = sendDue(begin, rate, sent);
	}, 1);
}
await delay(options.warmUpMs);
measuring = true;
const measuredFrom = performance.now();
const costFrom = processorTime(options.pid);
await delay(options.forMs);
measuring = false;
const seconds = (performance.now() - measuredFrom) / 1_000;
const costTo = processorTime(options.pid);
clearInterval(pacing);
stopping = true;
// What is under way is answered before the connections go, so that nothing of it disturbs what is measured next.
const patience = performance.now() + 5_000;
while (idle.length < connections.length && performance.now() < patience && !failure) await delay(5);
for (const { socket } of connections) socket.destroy();
times.sort((a, b) => a - b);
const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? Number.NaN;
const answers = Object.values(statuses).reduce((sum, n) => sum + n, 0);
const result: LoadResult = {
	perSecond: answers / seconds,
	answers,
	durable,
	statuses,
	latency: { p50: at(0.5), p99: at(0.99), p999: at(0.999) },
	cost: costOf(costFrom, costTo, answers),
	failure: failure?.message,
};
parentPort?.postMessage(result);
