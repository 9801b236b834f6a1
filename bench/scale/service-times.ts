/* What a simulation is fed with, taken from what was measured; and what was measured last, for runs that only simulate. */
import type { Row } from "./rows.ts";
import type { ServiceTimes } from "./simulation/times.ts";

/**
 * Measured on 2 virtual cores of an AMD EPYC, Node 26.10, MongoDB 6.0 and NATS on the same machine, by `bench/scale.ts`.
 * Everything but `logDelayUs` is processor time.
 */
export const RECORDED: ServiceTimes = {
	...{ gatewayUs: 80, logMessageUs: 14, logScanUs: 1, logDelayUs: 200, readMessageUs: 10, readScanUs: 5 },
	...{
		commitUs: 4_000,
		commitScanUs: 25,
		mongoCommitUs: 4_000,
		mongoScanUs: 60,
		hearCommitUs: 400,
		hearScanUs: 3,
		deliveryUs: 18,
	},
};

/**
 * Takes service times from rows; what was not measured stays as it was recorded.
 *
 * Of a scans process's time a scan, as much counts as reading as was seen to fit beside MongoDB's work: at full speed, a scan
 * took less time than the process and MongoDB together spent on it.
 */
export function timesOf(rows: readonly Row[]): ServiceTimes {
	const find = (what: string) => rows.find((row) => row.what === what && row.part === 1);
	const cost = (row: Row, who: string) => row.costUs[who] as number;
	let times = RECORDED;
	const posts = find("gateway: single POSTs, the whole core");
	// One scan a message, or nearly: what NATS spends is spent on messages.
	if (posts) times = { ...times, gatewayUs: cost(posts, "gateway"), logMessageUs: cost(posts, "nats") };
	const full = find("scans: backlog, the whole core");
	if (full) {
		const scans = cost(full, "scans");
		const mongo = cost(full, "mongod");
		const own = Math.min(scans, Math.max(0.5 * scans, 1e6 / full.perSecond - mongo));
		times = { ...times, readScanUs: scans - own, commitScanUs: own, mongoScanUs: mongo };
		times = { ...times, logScanUs: cost(full, "nats"), hearScanUs: cost(full, "hearing") };
		const singles = find("scans: backlog of single requests, the whole core");
		const perMessage = singles?.notes["scans a message"];
		if (singles && perMessage) {
			times = { ...times, readMessageUs: Math.max(0, cost(singles, "scans") - scans) * perMessage };
		}
		const thin = find("scans: thin load, the whole core");
		if (thin) times = { ...times, ...perTransaction(thin, full) };
	}
	const updates = find("realtime: updates, the whole core");
	if (updates) times = { ...times, deliveryUs: cost(updates, "realtime") };
	return times;
}

/** What small transactions cost beyond their scans. */
function perTransaction(thin: Row, full: Row): Pick<ServiceTimes, "commitUs" | "mongoCommitUs" | "hearCommitUs"> {
	const scans = thin.notes["scans a commit"] as number;
	const beyond = (who: string) => Math.max(0, scans * ((thin.costUs[who] as number) - (full.costUs[who] as number)));
	return { commitUs: beyond("scans"), mongoCommitUs: beyond("mongod"), hearCommitUs: beyond("hearing") };
}
