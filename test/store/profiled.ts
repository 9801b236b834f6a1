/** What MongoDB says about the operations of a database: its profiler notes each with its plan and what it looked at. */

import type { Db, Document } from "mongodb";

const PROFILE_BYTES = 128 * 1024 * 1024;
/** A scan of a collection, or sorting by hand, however it stands in a plan. */
const COLLECTION_SCAN = /COLLSCAN/;

/** Notes every operation of the product from now on; what was noted before is gone. */
export async function startProfile(db: Db): Promise<void> {
	await db.command({ profile: 0 });
	await db
		.collection("system.profile")
		.drop()
		.catch(() => undefined);
	await db.createCollection("system.profile", { capped: true, size: PROFILE_BYTES });
	await db.command({ profile: 2, slowms: 0 });
}

/** The operations noted, each once in its shape, values left out: those that were asked most often first. */
export async function readProfile(db: Db): Promise<Operation[]> {
	const noted = await db.collection("system.profile").find({ appName: "scanpulse" }).toArray();
	return noted.filter(({ ns }) => !/\.(system\.|\$cmd)/.test(ns)).map(operationOf);
}

export interface Operation {
	/** What was asked, as one can read it in a failure. */
	readonly text: string;
	readonly collection: string;
	readonly plan: string;
	readonly scans: boolean;
	/** Documents were put in order after they were found. */
	readonly sorts: boolean;
	readonly limited: boolean;
	readonly examined: number;
	/** Given out, changed or removed. */
	readonly returned: number;
	readonly error?: string;
}

function operationOf(noted: Document): Operation {
	const { ns, op, command = {}, planSummary = "", errMsg } = noted;
	const { lsid: _l, $clusterTime: _c, $db: _d, signature: _s, ...asked } = command;
	const sum = (...names: string[]) => names.reduce((total, name) => total + (Number(noted[name]) || 0), 0);
	const pipeline = (asked.originatingCommand ?? asked).pipeline as Document[] | undefined;
	return {
		text: `${op} ${ns} ${JSON.stringify(asked).slice(0, 1_500)} -> ${planSummary}`,
		collection: ns.slice(ns.indexOf(".") + 1),
		plan: planSummary,
		scans: COLLECTION_SCAN.test(planSummary) || /notablescan/.test(errMsg ?? ""),
		sorts: noted.hasSortStage === true,
		limited: "limit" in asked || pipeline?.some((stage) => "$limit" in stage) === true,
		examined: sum("docsExamined"),
		returned: sum("nreturned", "nModified", "nMatched", "ndeleted", "ninserted", "upsert"),
		...(errMsg && { error: errMsg }),
	};
}
