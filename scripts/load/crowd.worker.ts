/* The thread of crowd.ts. */
import { parentPort, workerData } from "node:worker_threads";
import type { CrowdData, CrowdSaid, CrowdTold } from "./crowd.ts";
import { lookAtScreens, type Metrics } from "./screens.ts";

const SAID_EVERY_MS = 1_000;

const { plan, options } = workerData as CrowdData;
let counters: Record<string, number> = {};
let histograms: Record<string, number[]> = {};

const metrics: Metrics = {
	emit(kind, name, value) {
		if (kind === "counter") counters[name] = (counters[name] ?? 0) + value;
		else if (histograms[name]) histograms[name].push(value);
		else histograms[name] = [value];
	},
};

const say = (said: CrowdSaid) => parentPort?.postMessage(said);

function sayMetrics(): void {
	say({ counters, histograms });
	counters = {};
	histograms = {};
}

setInterval(sayMetrics, SAID_EVERY_MS).unref();

parentPort?.on("message", async ({ comes }: CrowdTold) => {
	const error = await lookAtScreens(plan, metrics, options).then(
		() => undefined,
		(thrown: Error) => thrown.message,
	);
	sayMetrics();
	say({ leaves: comes, error });
});
