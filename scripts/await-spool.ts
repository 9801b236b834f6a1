/*
 * What a gateway's pod does before it is told to stop (preStop in k8s/): waits until its neighbours have forgotten its
 * address, then until nothing is left in its spool, for as long as the event log takes what is drained. It never fails:
 * what stays is safe on the volume, and the gateway that gets the volume next drains it.
 */
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readConfig } from "../platform/config.ts";

const LOOK_MS = 500;
const ANSWER_MS = 2_000;
/** A log that is away for so many looks will not be waited for; one that has just come back is not noticed at once. */
const AWAY_LOOKS = 6;

const { values } = parseArgs({
	options: { "notice-seconds": { type: "string", default: "5" }, "most-seconds": { type: "string", default: "90" } },
});
const { port, metricsPort } = readConfig(process.env);
const noticeMs = Number(values["notice-seconds"]) * 1_000;
const mostMs = Number(values["most-seconds"]) * 1_000;

const get = (path: string, from: number) =>
	fetch(`http://127.0.0.1:${from}${path}`, { signal: AbortSignal.timeout(ANSWER_MS) });

/** What keeps the gateway from stopping; undefined when nothing does. */
async function waiting(): Promise<{ bytes: number; logAway: boolean } | undefined> {
	const metrics = await (await get("/metrics", metricsPort)).text();
	const bytes = Number(/^scanpulse_spool_bytes (\S+)$/m.exec(metrics)?.[1] ?? 0);
	if (bytes === 0) return undefined;
	const health = (await (await get("/health/ready", port)).json()) as { checks?: { log?: { status: string } } };
	return { bytes, logAway: health.checks?.log?.status === "away" };
}

async function awaitSpool(): Promise<string> {
	const end = Date.now() + mostMs;
	await delay(Math.min(noticeMs, mostMs));
	let away = 0;
	for (;;) {
		const left = await waiting();
		if (!left) return "the spool is empty";
		away = left.logAway ? away + 1 : 0;
		if (away >= AWAY_LOOKS) return `${left.bytes} bytes stay in the spool: the event log is away`;
		if (Date.now() >= end) return `${left.bytes} bytes stay in the spool: they took longer than ${mostMs / 1_000} s`;
		await delay(LOOK_MS);
	}
}

console.log(await awaitSpool().catch((error: Error) => `the gateway does not answer: ${error.message}`));
