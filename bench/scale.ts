/*
 * Whether adding processes adds throughput. Measured: 1 and 2 of gateway, scans and realtime, each process pinned to core 0
 * and held to the same part of it, so that two are twice as much processor as one, while load, NATS, MongoDB and the other
 * actors have core 1. Simulated, with the processor times that were measured: the same 1 and 2, to see that the simulation
 * says what was measured, then more. Every line says which it is. `answers` is what a piece costs the actors that only answer.
 *
 *     node scripts/launch.cjs bench/scale.ts [--only gateway --only scans --only realtime --only answers] [--rounds 1] [--seconds 5] [--simulate]
 *
 * `--simulate` measures nothing and takes the times that were measured last (bench/scale/service-times.ts). Measuring needs
 * Linux with taskset and the right to make a cgroup; without, it says what is missing and simulates.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { measureAnswers } from "./scale/answers.ts";
import { measureGateways } from "./scale/gateways.ts";
import { measureRealtimes } from "./scale/realtimes.ts";
import { linesOf, middles, type Row } from "./scale/rows.ts";
import { measureScans } from "./scale/scans.ts";
import { timesOf } from "./scale/service-times.ts";
import { missingForShares } from "./scale/share.ts";
import { linesOfLoads, linesOfSizes, linesOfValidation } from "./scale/simulated.ts";

const PARTS_OF_BENCH = ["gateway", "scans", "realtime", "answers"] as const;
/** Parts of a core: two of each fit on one, and leave what is on the other core something to do. */
const PARTS = { gateway: 0.4, scans: 0.1, realtime: 0.15 } as const;
const BACKLOG = 300_000;
/** More than a held node can update every 50 ms. */
const CONNECTIONS = 800;

const { values: given } = parseArgs({
	options: {
		only: { type: "string", multiple: true, default: [...PARTS_OF_BENCH] },
		rounds: { type: "string", default: "1" },
		seconds: { type: "string", default: "5" },
		simulate: { type: "boolean", default: false },
	},
});
const rounds = Number(given.rounds);
const forMs = 1_000 * Number(given.seconds);

async function measure(): Promise<Row[]> {
	const missing = cpus().length < 2 ? "two cores" : missingForShares();
	if (missing) {
		console.log(`Nothing is measured: holding processes to parts of a core needs ${missing}.`);
		return [];
	}
	console.log(
		"Each measured process is pinned to core 0 and held to the same part of it; load, NATS, MongoDB and other actors have core 1.",
	);
	const rows: Row[] = [];
	if (given.only.includes("gateway")) rows.push(...(await measureGateways({ part: PARTS.gateway, forMs, rounds })));
	if (given.only.includes("scans")) {
		rows.push(...(await measureScans({ part: PARTS.scans, forMs, rounds, backlog: BACKLOG })));
	}
	if (given.only.includes("realtime")) {
		rows.push(...(await measureRealtimes({ part: PARTS.realtime, connections: CONNECTIONS, forMs, rounds })));
	}
	if (given.only.includes("answers")) rows.push(...(await measureAnswers({ forMs })));
	return middles(rows);
}

const rows = given.simulate ? [] : await measure();
for (const group of Map.groupBy(rows, ({ what }) => what).values()) console.log(linesOf(group).join("\n"));
const times = timesOf(rows);
const shown = Object.entries(times).map(([name, us]) => `${name} ${us.toFixed(us < 100 ? 1 : 0)}`);
console.log(`\nService times, µs: ${shown.join(", ")}`);
for (const lines of [linesOfValidation(rows, times), linesOfSizes(times), linesOfLoads(times)]) {
	console.log(`\n${lines.join("\n")}`);
}
