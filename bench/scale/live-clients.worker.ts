/* Clients of realtime nodes in a thread of their own: each holds `org` of the node it was given, and updates are counted. */
import { parentPort, workerData } from "node:worker_threads";
import { io, type Socket } from "socket.io-client";
import { KEY } from "../load/subjects.ts";

export interface LiveClientsOptions {
	readonly urls: readonly string[];
	/** Of each node. */
	readonly connections: number;
}

export type LiveClientsSaid = { readonly ready: true } | { readonly updates: number; readonly gone: number };

const CONNECT_MS = 20_000;

const { urls, connections } = workerData as LiveClientsOptions;
const sockets: Socket[] = [];
let updates = 0;
let gone = 0;

for (const url of urls) {
	for (let n = 0; n < connections; n++) {
		const socket = io(`${url}/analytics`, { auth: { token: KEY }, transports: ["websocket"], forceNew: true });
		socket.on("update", () => {
			updates++;
		});
		socket.on("disconnect", () => {
			gone++;
		});
		sockets.push(socket);
		await socket.timeout(CONNECT_MS).emitWithAck("subscribe", { channel: "org" });
	}
}
parentPort?.on("message", (what: "count" | "stop") => {
	if (what === "count") parentPort?.postMessage({ updates, gone });
	else {
		for (const socket of sockets) socket.disconnect();
		parentPort?.close();
	}
});
parentPort?.postMessage({ ready: true });
