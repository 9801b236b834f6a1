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
		const thin = find("scans: thin load, the whole core");
		const own = perTransaction(full, thin, "scans");
		const mongo = perTransaction(full, thin, "mongod");
		const hearing = perTransaction(full, thin, "hearing");
		// What a scan took by the clock beside MongoDB: the rest of the process's time was spent while MongoDB worked.
		const beside = 1e6 / full.perSecond - cost(full, "mongod");
		const reading = Math.min(own.scanUs / 2, Math.max(0, cost(full, "scans") - beside));
		times = {
			...times,
			...{ readScanUs: reading, commitUs: own.us, commitScanUs: own.scanUs - reading },
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
