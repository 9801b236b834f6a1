/* What is simulated, and how it is shown: the measured arrangements again, growing deployments, and given loads. */
import { percent, rate } from "../load/figures.ts";
import type { Row } from "./rows.ts";
import { type Demand, type Deployment, type Outcome, simulate } from "./simulation/product.ts";
import type { ServiceTimes } from "./simulation/times.ts";

const SEED = 1;
/** From here on a resource is called the limit. */
const AT_LIMIT = 0.95;
/** Scans of a transaction under more than can be counted, and from how many on one is called full. */
const LARGE_COMMIT = 2_000;
const FULL_COMMIT = 1_800;
/** Clients of each gateway that ask again as soon as they were answered. */
const CLIENTS = 64;
const UPDATES_PER_SECOND = 20;

/** The measured held processes simulated, with the costs that the one process had. */
export function linesOfValidation(rows: readonly Row[], times: ServiceTimes): string[] {
	const held = rows.filter(({ part }) => part < 1);
	return held.flatMap((row) => {
		const one = held.find(({ what, processes }) => what === row.what && processes === 1) ?? row;
		const simulated = again(row, heldTimes(one, times));
		if (simulated === undefined) return [];
		const off = simulated / row.perSecond - 1;
		const text = `${row.what}, ${row.processes} × ${percent(row.part)} of a core: ${rate(simulated)}`;
		return [`simulated ${text}; measured ${rate(row.perSecond)} (${off < 0 ? "−" : "+"}${percent(Math.abs(off))})`];
	});
}

/** A process that is held often finds its caches cold: it costs more a piece than one that is not. */
function heldTimes({ costUs }: Row, times: ServiceTimes): ServiceTimes {
	const { readScanUs, commitUs, commitScanUs, mongoCommitUs, mongoScanUs } = times;
	const scale = costUs.scans === undefined ? 1 : costUs.scans / (readScanUs + commitScanUs + commitUs / LARGE_COMMIT);
	const mongo = costUs.mongod === undefined ? 1 : costUs.mongod / (mongoScanUs + mongoCommitUs / LARGE_COMMIT);
	return {
		...times,
		gatewayUs: costUs.gateway ?? times.gatewayUs,
		readMessageUs: 0,
		...{ readScanUs: scale * readScanUs, commitUs: scale * commitUs, commitScanUs: scale * commitScanUs },
		...{ mongoCommitUs: mongo * mongoCommitUs, mongoScanUs: mongo * mongoScanUs },
		deliveryUs: costUs.realtime ?? times.deliveryUs,
	};
}

function again({ what, processes, part, notes }: Row, times: ServiceTimes): number | undefined {
	const [actor] = what.split(":");
	const run = (deployment: Partial<Deployment>, demand: Demand) =>
		simulate({
			deployment: {
				...{ gateways: 0, scans: 1, realtimes: 0, partitions: 4, mongoCores: 1, connections: 0 },
				...{ updatesPerSecond: UPDATES_PER_SECOND, ...deployment },
			},
			...{ demand, times, seed: SEED, warmUpS: 2, forS: 10 },
		});
	if (actor === "gateway") {
		return run({ gateways: processes, part, scans: 4 }, { kind: "closed", clients: 32 }).accepted;
	}
	if (actor === "scans") {
		return run({ scans: processes, part }, { kind: "backlog", scans: 400_000, perMessage: 62 }).counted;
	}
	const connections = (notes.connections as number) / processes;
	// Commits of one scan as often as connections can be updated, by an owner that is not held: it costs next to nothing here.
	const free = {
		...times,
		readMessageUs: 0,
		commitUs: 0,
		commitDelayUs: 0,
		commitScanUs: 0,
		readScanUs: 0,
		mongoScanUs: 0,
	};
	const ticking = { ...free, mongoCommitUs: 50_000 };
	return simulate({
		deployment: {
			...{ gateways: 0, scans: 1, realtimes: processes, partitions: 1, mongoCores: 1, part },
			...{ connections, updatesPerSecond: UPDATES_PER_SECOND },
		},
		...{ demand: { kind: "backlog", scans: 400_000, perMessage: 2_000 }, seed: SEED, warmUpS: 2, forS: 7 },
		times: { ...ticking, hearCommitUs: 0, hearScanUs: 0 },
	}).delivered;
}

/** n gateways that are asked without end, n scans processes, n realtime nodes. */
export function linesOfSizes(times: ServiceTimes): string[] {
	const lines: string[] = [];
	for (const { partitions, mongoCores } of [
		{ partitions: 4, mongoCores: 4 },
		{ partitions: 32, mongoCores: 4 },
		{ partitions: 32, mongoCores: 16 },
	]) {
		lines.push(
			`simulated n of each, whole cores, PARTITIONS=${partitions}, ${mongoCores} cores for MongoDB's transactions:`,
		);
		for (const n of [1, 2, 4, 8, 16, 32]) {
			const outcome = simulate({
				deployment: {
					...{ gateways: n, scans: n, realtimes: n, partitions, mongoCores },
					...{ connections: 1_000, updatesPerSecond: 1 },
				},
				demand: { kind: "closed", clients: CLIENTS },
				...{ times, seed: SEED, warmUpS: 1, forS: 3 },
			});
			lines.push(`  n = ${String(n).padEnd(2)} ${textOf(outcome)}`);
		}
	}
	return lines;
}

interface Load {
	readonly name: string;
	readonly perSecond: number;
	readonly deployment: Deployment;
}

const LOADS: readonly Load[] = [
	{
		name: "1 thousand scans a minute",
		perSecond: 1_000 / 60,
		deployment: deploymentOf({ gateways: 2, scans: 2, realtimes: 2, partitions: 4, mongoCores: 2 }),
	},
	{
		name: "100 thousand scans a minute",
		perSecond: 100_000 / 60,
		deployment: deploymentOf({ gateways: 2, scans: 2, realtimes: 2, partitions: 4, mongoCores: 2 }),
	},
	{
		name: "1 million scans a minute",
		perSecond: 1_000_000 / 60,
		deployment: deploymentOf({ gateways: 4, scans: 4, realtimes: 4, partitions: 8, mongoCores: 4 }),
	},
	{
		name: "10 million scans a minute, one installation",
		perSecond: 10_000_000 / 60,
		deployment: deploymentOf({ gateways: 24, scans: 24, realtimes: 4, partitions: 24, mongoCores: 24 }),
	},
	{
		name: "10 million scans a minute, one of 32 installations",
		perSecond: 10_000_000 / 60 / 32,
		deployment: deploymentOf({ gateways: 2, scans: 2, realtimes: 4, partitions: 8, mongoCores: 4 }),
	},
];

function deploymentOf(size: Omit<Deployment, "connections" | "updatesPerSecond">): Deployment {
	return { ...size, connections: 1_000, updatesPerSecond: 1 };
}

/** Requests with one scan each at random, on the deployments that docs/scaling.md names. */
export function linesOfLoads(times: ServiceTimes): string[] {
	return LOADS.flatMap(({ name, perSecond, deployment }) => {
		const { gateways, scans, realtimes, partitions, mongoCores } = deployment;
		const forS = perSecond < 5_000 ? 30 : 4;
		const outcome = simulate({ deployment, demand: { kind: "open", perSecond }, times, seed: SEED, warmUpS: 2, forS });
		return [
			`simulated ${name}: ${gateways} gateways, ${scans} scans, ${realtimes} realtime, PARTITIONS=${partitions}, ${mongoCores} cores for MongoDB`,
			`  ${textOf(outcome)}`,
		];
	});
}

function textOf(outcome: Outcome): string {
	const { accepted, counted, busy, durableMs, countedMs, scansPerMessage, scansPerCommit, behind } = outcome;
	const shares = Object.entries(busy).map(([name, share]) => `${name} ${percent(share)}`);
	// Transactions follow each other all the time long before they are as large as they may be.
	const limits = Object.entries(busy).filter(
		([name, share]) => share >= AT_LIMIT && (name !== "transactions" || scansPerCommit >= FULL_COMMIT),
	);
	const limit = limits.length > 0 ? limits.map(([name]) => name).join(" and ") : "none";
	const keepsUp = counted > 0.97 * accepted;
	return [
		`accepted ${rate(accepted)}, counted ${rate(counted)}${keepsUp ? "" : ` (falls behind: ${behind.toLocaleString("en")})`}`,
		`durable p99 ${durableMs.p99.toFixed(1)} ms${keepsUp ? `, counted p99 ${countedMs.p99.toFixed(0)} ms` : ""}`,
		`${scansPerMessage.toFixed(1)} scans a message, ${scansPerCommit.toFixed(0)} a commit`,
		`busy: ${shares.join(", ")}; at its limit: ${limit}`,
	].join("; ");
}
