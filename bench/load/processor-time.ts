/*
 * The processor time that a process has used, from Linux's /proc: on a machine that is busy otherwise it says more than
 * the clock, because a process that waits for its turn uses none.
 */
import { readFileSync } from "node:fs";

/** What /proc counts in, on every Linux of today, ms. */
const TICK_MS = 10;

export interface ProcessorTime {
	/** Of all threads, ms. */
	readonly process: number;
	/** Of the first thread, which runs the event loop, ms. */
	readonly main: number;
}

/** Undefined where there is no /proc. */
export function processorTime(pid: number): ProcessorTime | undefined {
	try {
		return { process: ticks(`/proc/${pid}/stat`), main: ticks(`/proc/${pid}/task/${pid}/stat`) };
	} catch {
		return undefined;
	}
}

/** User and system time, ms. The command's name, in parentheses, may hold anything. */
function ticks(file: string): number {
	const text = readFileSync(file, "utf8");
	const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
	return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

/** Resident memory of a process, bytes; NaN where there is no /proc. */
export function memory(pid: number): number {
	try {
		const [, kib] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
		return 1_024 * Number(kib);
	} catch {
		return Number.NaN;
	}
}
