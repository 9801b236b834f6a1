/* Many dashboards in a thread of their own; sends what was read since it was last asked. */
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import { Dashboard, type Read } from "./dashboard.ts";
import { zipf } from "./zipf.ts";

export interface Dashboards {
	readonly url: string;
	readonly realtimeUrl: string;
	readonly codes: readonly string[];
	readonly count: number;
	/** How long those who look around look at a page, in the mean, ms. */
	readonly stayMs: number;
	/** Share of dashboards that hang on a wall and stay where they are. */
	readonly walls: number;
	/** Over how long they are opened, ms. */
	readonly openInMs: number;
}

const { count, openInMs, walls, ...options } = workerData as Dashboards;
const pick = zipf(options.codes.length);
let reads: Read[] = [];
const dashboards: Dashboard[] = [];

parentPort?.on("message", (what: "reads" | "stop") => {
	parentPort?.postMessage(reads);
	reads = [];
	if (what === "stop") for (const dashboard of dashboards) dashboard.close();
	if (what === "stop") parentPort?.close();
});

for (let n = 0; n < count; n++) {
	const stayMs = n < walls * count ? Number.POSITIVE_INFINITY : options.stayMs;
	dashboards.push(new Dashboard({ ...options, stayMs, pick, onRead: (read) => reads.push(read) }));
	await delay(openInMs / count);
}
