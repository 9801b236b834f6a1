/*
 * How long an update takes from its announcement to a client: 1,000 connections on one node that all hold `org`, 20
 * commits a second for 10 s. Server and clients share this machine; the clients run in a thread of their own.
 *
 *   node scripts/launch.cjs bench/realtime.ts
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { io, type Socket } from "socket.io-client";
import type { AnalyticsUpdate, Update } from "../contracts/live.ts";
import { brokerOptions } from "../moleculer.config.ts";
import { broadcast } from "../platform/actors.ts";
import { readConfig } from "../platform/config.ts";
import { createPlatform } from "../platform/platform.ts";
import realtime from "../services/realtime/realtime.service.ts";
import { Truth } from "../test/realtime/truth.ts";

const CONNECTIONS = 1_000;
const COMMITS_PER_SECOND = 20;
const SECONDS = 10;
const KEY = "administrator-key-of-the-bench";

/** The clients' side: connects, subscribes, and says how old each update was when it came. */
async function listen(url: string): Promise<void> {
	const latencies: number[] = [];
	const sockets: Socket[] = [];
	for (let i = 0; i < CONNECTIONS; i++) {
		const socket = io(`${url}/analytics`, { auth: { token: KEY }, transports: ["websocket"], forceNew: true });
		socket.on("update", ({ data }: Update<AnalyticsUpdate>) => {
			// Each commit carries the instant of its announcement as the name of a country.
			for (const sentAt of Object.keys(data.delta.by.country ?? {})) {
				latencies.push(performance.timeOrigin + performance.now() - Number(sentAt));
			}
		});
		sockets.push(socket);
		await socket.timeout(10_000).emitWithAck("subscribe", { channel: "org" });
	}
	parentPort?.postMessage("ready");
	parentPort?.on("message", () => {
		for (const socket of sockets) socket.disconnect();
		parentPort?.postMessage(latencies.sort((a, b) => a - b));
		parentPort?.close();
	});
}

async function run(): Promise<void> {
	const config = readConfig({ PORT: "0", SCANPULSE_ADMIN_KEY: KEY, LOG_LEVEL: "error", RATE_LIMITS: "off" });
	const platform = createPlatform(config);
	const truth = new Truth(1);
	const broker = new ServiceBroker(brokerOptions(config));
	broker.createService({ name: "analytics", actions: { state: () => truth.state() } });
	broker.createService(realtime(platform) as unknown as ServiceSchema);
	await broker.start();
	const clients = new Worker(import.meta.filename, { workerData: { url: await platform.http.listen() } });
	const next = <T>() => new Promise<T>((resolve) => clients.once("message", resolve));
	await next();

	const every = 1_000 / COMMITS_PER_SECOND;
	const cpu = process.cpuUsage();
	for (let i = 0; i < COMMITS_PER_SECOND * SECONDS; i++) {
		const country = String(performance.timeOrigin + performance.now());
		broadcast(broker, "scans.committed", truth.commit(0, [{ code: "poster", scans: 1, country }]));
		await new Promise((resolve) => setTimeout(resolve, every));
	}
	const { user, system } = process.cpuUsage(cpu);
	await new Promise((resolve) => setTimeout(resolve, 500));
	clients.postMessage("stop");
	const latencies = await next<number[]>();
	const at = (share: number) => latencies[Math.floor(share * (latencies.length - 1))]?.toFixed(1);
	const expected = CONNECTIONS * COMMITS_PER_SECOND * SECONDS;
	console.log(
		`${CONNECTIONS} connections, ${COMMITS_PER_SECOND} commits/s: ${latencies.length} of ${expected} received`,
	);
	console.log(`announcement to client: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`);
	console.log(`both sides: ${((user + system) / 1e4 / SECONDS).toFixed(0)} % of a core`);
	await broker.stop();
	await platform.http.drain(0);
}

await (isMainThread ? run() : listen((workerData as { url: string }).url));
