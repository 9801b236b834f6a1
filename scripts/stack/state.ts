/*
 * What a stack has running, written down in its folder so that another command can take it down. A process is known by
 * its id and the moment it started, so that one that got the id of a dead one is never touched.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { until } from "../servers/until.ts";

const DRAIN_LIMIT_MS = 60_000;
const TERM_LIMIT_MS = 15_000;

/** A process, told apart from every other that had or will have its id. */
export interface Identity {
	readonly name: string;
	readonly pid: number;
	readonly startedAt: string;
}

export interface StackState {
	/** The process that keeps the others alive. */
	readonly supervisor: Identity;
	readonly members: readonly Identity[];
	readonly url: string;
	/** Variables with which other commands of the product reach this stack. */
	readonly env: Readonly<Record<string, string>>;
}

const stateFile = (dir: string) => path.join(dir, "state.json");

/** The identity of a running process, undefined when there is none with that id. */
export function identify(name: string, pid: number): Identity | undefined {
	const startedAt = process.platform === "linux" ? startOnLinux(pid) : startElsewhere(pid);
	return startedAt === undefined ? undefined : { name, pid, startedAt };
}

/** Clock ticks since boot, from /proc; a process that has ended but was not waited for yet does not run. */
function startOnLinux(pid: number): string | undefined {
	try {
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		// The name in parentheses may hold anything; after it come the state and, as the 20th, the start time.
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
	} catch {
		return undefined;
	}
}

function startElsewhere(pid: number): string | undefined {
	try {
		return execFileSync("ps", ["-o", "lstart=", "-p", String(pid)], { encoding: "utf8" }).trim() || undefined;
	} catch {
		return undefined;
	}
}

function isRunning({ name, pid, startedAt }: Identity): boolean {
	return identify(name, pid)?.startedAt === startedAt;
}

/** Writes the state whole or not at all. */
export function writeState(dir: string, state: StackState): void {
	mkdirSync(dir, { recursive: true });
	writeFileSync(`${stateFile(dir)}.new`, `${JSON.stringify(state, undefined, "\t")}\n`);
	renameSync(`${stateFile(dir)}.new`, stateFile(dir));
}

export function forgetState(dir: string): void {
	rmSync(stateFile(dir), { force: true });
}

function readState(dir: string): StackState | undefined {
	try {
		return JSON.parse(readFileSync(stateFile(dir), "utf8")) as StackState;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
		throw error;
	}
}

/** The processes of a stack in `dir` that run now, its supervisor first. */
export function runningIn(dir: string): Identity[] {
	const state = readState(dir);
	return state ? [state.supervisor, ...state.members].filter(isRunning) : [];
}

/**
 * Ends whatever runs of the stack in `dir`: asks its supervisor, then ends itself what is left.
 *
 * @param termLimitMs how long a process may take to end when it is told to, before it is killed
 * @returns the names of the processes that ran
 * @throws Error when one is still there
 */
export async function takeDown(dir: string, termLimitMs = TERM_LIMIT_MS): Promise<string[]> {
	const ran = runningIn(dir);
	const supervisor = ran.find(({ pid }) => pid === readState(dir)?.supervisor.pid);
	if (supervisor) {
		process.kill(supervisor.pid, "SIGTERM");
		await gone([supervisor], DRAIN_LIMIT_MS).catch(() => undefined);
	}
	for (const signal of ["SIGTERM", "SIGKILL"] as const) {
		const left = runningIn(dir);
		for (const { pid } of left) send(pid, signal);
		await gone(left, termLimitMs).catch(() => undefined);
	}
	const left = runningIn(dir);
	if (left.length > 0) {
		throw new Error(`Still running: ${left.map(({ name, pid }) => `${name} (pid ${pid})`).join(", ")}`);
	}
	forgetState(dir);
	return ran.map(({ name }) => name);
}

function send(pid: number, signal: NodeJS.Signals): void {
	try {
		process.kill(pid, signal);
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
	}
}

function gone(processes: readonly Identity[], timeoutMs: number): Promise<true> {
	return until(() => !processes.some(isRunning), { what: "processes to end", timeoutMs });
}
