/* What a simulation is fed with, taken from what was measured; and what was measured last, for runs that only simulate. */
import type { Row } from "./rows.ts";
import type { ServiceTimes } from "./simulation/times.ts";

/**
 * Measured on 2 virtual cores of an AMD EPYC, Node 26.10, MongoDB 6.0 and NATS on the same machine, by `bench/scale.ts`: the
 * middle of several runs. Everything but `logDelayUs` is processor time; that is what an append took by itself in `bench/log.ts`.
 */
const RECORDED: ServiceTimes = {
	...{ gatewayUs: 56, logMessageUs: 12.9, logScanUs: 0.9, logDelayUs: 200, readMessageUs: 4, readScanUs: 7 },
	...{ commitUs: 6_400, commitScanUs: 17, commitDelayUs: 5_000, mongoCommitUs: 6_900, mongoScanUs: 55 },
	...{ hearCommitUs: 460, hearScanUs: 2.5, deliveryUs: 16.3 },
};

/** Takes service times from rows; what was not measured stays as it was recorded. */
export function timesOf(rows: readonly Row[]): ServiceTimes {
	const find = (what: string) => rows.find((row) => row.what === what && row.part === 1);
	const cost = (row: Row, who: string) => row.costUs[who] as number;
	let times = RECORDED;
	const posts = find("gateway: single POSTs, the whole core");
	// One scan a message, or nearly: what NATS spends is spent on messages.
	if (posts) times = { ...times, gatewayUs: cost(posts, "gateway"), logMessageUs: cost(posts, "nats") };
	const full = find("scans: backlog, the whole core");
	if (full) {
		const thin = find("scans: thin load, the whole core");
		const own = perTransaction(full, thin, "scans");
		const mongo = perTransaction(full, thin, "mongod");
		const hearing = perTransaction(full, thin, "hearing");
		const reading = Math.min(own.scanUs / 2, readBeside(rows, full));
		const small = thin && (thin.notes["scans a commit"] as number) * (cost(thin, "scans") + cost(thin, "mongod"));
		// What is left of a small transaction's time by the clock is nobody's processor time.
		const delay = thin && small ? Math.max(0, 1_000 * (thin.notes["ms a commit"] as number) - small) : undefined;
		times = {
			...times,
			...{ readScanUs: reading, commitUs: own.us, commitScanUs: own.scanUs - reading },
			commitDelayUs: delay ?? times.commitDelayUs,
			...{ mongoCommitUs: mongo.us, mongoScanUs: mongo.scanUs, hearCommitUs: hearing.us, hearScanUs: hearing.scanUs },
			logScanUs: cost(full, "nats"),
		};
		const singles = find("scans: backlog of single requests, the whole core");
		const perMessage = singles?.notes["scans a message"];
		if (singles && perMessage) {
			times = { ...times, readMessageUs: Math.max(0, cost(singles, "scans") - cost(full, "scans")) * perMessage };
		}
	}
	const updates = find("realtime: updates, the whole core");
	if (updates) times = { ...times, deliveryUs: cost(updates, "realtime") };
	return times;
}

/**
 * How much of a process's time a scan was spent while MongoDB worked, µs: one that is held to little spends all it has on
 * scans, though it waits for MongoDB as well, so it must have read meanwhile.
 */
function readBeside(rows: readonly Row[], full: Row): number {
	const held = rows.find(({ what, processes }) => what === "scans: backlog" && processes === 1);
	if (!held) return 0;
	const [ofFull, ofHeld] = [full.costUs.scans as number, held.costUs.scans as number];
	const waitedUs = 1e6 / full.perSecond - ofFull - (full.costUs.mongod as number);
	const idleUs = Math.max(0, 1e6 / held.perSecond - ofHeld / held.part);
	const beside = (held.costUs.mongod as number) + waitedUs - idleUs;
	return Math.max(0, beside / (ofHeld / ofFull / held.part - 1));
}

/** What a transaction costs, and each scan in it: the line through large ones and small ones. */
function perTransaction(
	full: Row,
	thin: Row | undefined,
	who: string,
): { readonly us: number; readonly scanUs: number } {
	const point = ({ notes, costUs }: Row) => {
		const scans = notes["scans a commit"] as number;
		return { scans, us: scans * (costUs[who] as number) };
	};
	const large = point(full);
	const small = thin ? point(thin) : { scans: 0, us: 0 };
	const scanUs = (large.us - small.us) / (large.scans - small.scans);
	return { us: Math.max(0, small.us - scanUs * small.scans), scanUs };
}
