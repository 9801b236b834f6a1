/*
 * Processes held to a part of one core: pinned with taskset, and given a quota of the kernel's scheduler (a cgroup of their
 * own, version 1 or 2). Two processes with the same quota on one core have as much each as one of them alone had, which
 * is how two can be compared with one where there are not cores enough to give each its own.
 */
import { execFileSync } from "node:child_process";
import { accessSync, constants, existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import path from "node:path";

/** Short, so that a process waits little for its next turn. */
const PERIOD_US = 10_000;
const ROOT = "/sys/fs/cgroup";

/** Undefined when processes can be held here, else what is missing. */
export function missingForShares(): string | undefined {
	if (process.platform !== "linux") return "Linux";
	try {
		execFileSync("taskset", ["-p", String(process.pid)], { stdio: "ignore" });
	} catch {
		return "taskset (of util-linux)";
	}
	const parent = controller();
	if (!parent) return "the cpu controller of cgroups";
	try {
		accessSync(parent, constants.W_OK);
	} catch {
		return `the right to make a cgroup in ${parent} (root)`;
	}
	return undefined;
}

/** Pins all threads of a process, and so those that it starts later and its children, to one core. */
export function pin(pid: number, core: number): void {
	execFileSync("taskset", ["-acp", String(core), String(pid)], { stdio: "ignore" });
}

/** Lets a process use any core again. */
export function unpin(pid: number, cores: number): void {
	execFileSync("taskset", ["-acp", `0-${cores - 1}`, String(pid)], { stdio: "ignore" });
}

export interface Share {
	/** Ends the quota. Before or after the end of the process. */
	end(): void;
}

let made = 0;

/** Gives a process this part of one core, from 0 to 1; pinning it is another matter. */
export function limit(pid: number, part: number): Share {
	const quota = Math.round(part * PERIOD_US);
	return group(pid, {
		second: { "cpu.max": `${quota} ${PERIOD_US}` },
		first: { "cpu.cfs_period_us": String(PERIOD_US), "cpu.cfs_quota_us": String(quota) },
	});
}

/** Gives a process next to nothing but what nobody else wants. */
export function leaveTheRest(pid: number): Share {
	return group(pid, { second: { "cpu.weight": "1" }, first: { "cpu.shares": "2" } });
}

/** Puts a process into a group of its own. @param settings by file, for each version of cgroups */
function group(pid: number, settings: Record<"first" | "second", Readonly<Record<string, string>>>): Share {
	const parent = controller();
	if (!parent) throw new Error("There is no cpu controller");
	const folder = path.join(parent, `scanpulse-bench-${process.pid}-${++made}`);
	mkdirSync(folder);
	const { first, second } = settings;
	const files = existsSync(path.join(folder, "cpu.max")) ? second : first;
	for (const [file, value] of Object.entries(files)) writeFileSync(path.join(folder, file), value);
	writeFileSync(path.join(folder, "cgroup.procs"), String(pid));
	return {
		end() {
			const left = readFileSync(path.join(folder, "cgroup.procs"), "utf8").split("\n").filter(Boolean);
			for (const one of left) writeFileSync(path.join(parent, "cgroup.procs"), one);
			rmdirSync(folder);
		},
	};
}

/** The folder in which groups with a quota can be made. */
function controller(): string | undefined {
	const first = path.join(ROOT, "cpu");
	if (existsSync(path.join(first, "cpu.cfs_quota_us")) || existsSync(path.join(first, "cpu.shares"))) return first;
	const controllers = path.join(ROOT, "cgroup.subtree_control");
	if (!existsSync(controllers)) return undefined;
	if (readFileSync(controllers, "utf8").includes("cpu")) return ROOT;
	try {
		writeFileSync(controllers, "+cpu");
		return ROOT;
	} catch {
		return undefined;
	}
}
