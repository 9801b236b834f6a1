/*
 * What the processor in Artillery's thread is told by `npm run load`: where the product is, which codes were made for the
 * run, and where to leave what no metric holds. It travels as a file, named by LOAD_PLAN.
 */
import { readFileSync } from "node:fs";
import type { SecondOf } from "./lean-load.ts";

export interface LoadCode {
	readonly id: string;
	readonly slug: string;
}

export interface LoadPlan {
	readonly url: string;
	readonly realtimeUrl: string;
	readonly key: string;
	/** Each is looked at by one screen only, which alone scans it: so an update tells which scan it counts. */
	readonly watched: readonly LoadCode[];
	/** Everybody's. */
	readonly busy: readonly LoadCode[];
	/** Where the seconds of a spike are written. */
	readonly secondsFile: string;
}

export type Seconds = readonly SecondOf[];

export const PLAN_VARIABLE = "LOAD_PLAN";
export const KEY_VARIABLE = "LOAD_KEY";

/** @throws Error when Artillery was not started by `npm run load` */
export function readPlan(): LoadPlan {
	const file = process.env[PLAN_VARIABLE];
	if (!file) throw new Error(`${PLAN_VARIABLE} is not set: scenarios are run by npm run load -- NAME`);
	return JSON.parse(readFileSync(file, "utf8")) as LoadPlan;
}
