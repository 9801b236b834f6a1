/*
 * A child process that is owned: its output is kept, its end is known, it is stopped by its own id and never outlives its
 * parent where the system can promise that (Linux: the kernel kills it; elsewhere: when the parent exits orderly). It is
 * the leader of its own process group, so that Ctrl-C reaches the parent alone and the parent stops its children in order.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { isExecutable } from "./executable.ts";
import { type Turn, yieldAsSession, yieldingCommand } from "./yielding.ts";

const OUTPUT_KEPT_CHARACTERS = 1_000_000;
const PARENT_DEATH_LAUNCHER = "/usr/bin/setpriv";

export interface ProcessOptions {
	readonly command: string;
	readonly args: readonly string[];
	/** The whole environment of the child. @defaultValue that of this process */
	readonly env?: NodeJS.ProcessEnv;
	readonly cwd?: string;
	/** A file to which standard output and error are appended as well. */
	readonly logFile?: string;
	/** Whom it leaves the processor to, where a system can do that. @defaultValue "first": nobody */
	readonly turn?: Turn;
}

export interface Exit {
	readonly code: number | null;
	readonly signal: NodeJS.Signals | null;
}

export interface OwnedProcess {
	readonly pid: number;
	/** Standard output and error so far, interleaved as they came; only the end of it when it is long. */
	output(): string;
	/** Calls back for each whole line of standard output from now on. */
	onLine(listener: (line: string) => void): void;
	/** Resolves when the process has ended and its output is whole; never rejects. */
	readonly exited: Promise<Exit>;
	/** Undefined while it runs. */
	exit(): Exit | undefined;
	/** Sends a signal; resolves at once for SIGSTOP and SIGCONT, else when the process has ended. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** SIGTERM, then SIGKILL after `graceMs` (10,000 unless given); resolves with how it ended. */
	stop(graceMs?: number): Promise<Exit>;
}

const running = new Set<ChildProcess>();
process.on("exit", () => {
	for (const child of running) child.kill("SIGKILL");
});

function diesWithParent(): boolean {
	return process.platform === "linux" && isExecutable(PARENT_DEATH_LAUNCHER);
}

/** Starts a process. One that cannot be started at all ends with code 127 and says why in its output. */
export function startProcess(options: ProcessOptions): OwnedProcess {
	const own = [options.command, ...options.args];
	const turn = options.turn ?? "first";
	const asked = yieldingCommand(own, turn);
	const [command = "", ...args] = diesWithParent()
		? [PARENT_DEATH_LAUNCHER, "--pdeathsig", "KILL", "--", ...asked]
		: asked;
	const child = spawn(command, args, {
		cwd: options.cwd,
		env: options.env ?? process.env,
		stdio: ["ignore", "pipe", "pipe"],
		detached: true,
	});
	running.add(child);
	if (child.pid !== undefined) void yieldAsSession(child.pid, turn);
	const log = options.logFile ? createWriteStream(options.logFile, { flags: "a" }) : undefined;
	const listeners = new Set<(line: string) => void>();
	let kept = "";
	let unfinished = "";
	let exit: Exit | undefined;

	const keep = (text: string) => {
		kept += text;
		if (kept.length > 2 * OUTPUT_KEPT_CHARACTERS) kept = kept.slice(-OUTPUT_KEPT_CHARACTERS);
		log?.write(text);
	};
	child.stdout.setEncoding("utf8").on("data", (text: string) => {
		keep(text);
		const lines = (unfinished + text).split("\n");
		unfinished = lines.pop() ?? "";
		for (const line of lines) for (const listener of listeners) listener(line);
	});
	child.stderr.setEncoding("utf8").on("data", keep);

	const exited = new Promise<Exit>((resolve) => {
		const end = (how: Exit) => {
			running.delete(child);
			exit = how;
			log?.end();
			resolve(how);
		};
		child.once("error", (error) => {
			if (child.pid !== undefined) return;
			keep(`${error.message}\n`);
			end({ code: 127, signal: null });
		});
		child.once("exit", () => running.delete(child));
		child.once("close", (code, signal) => end({ code, signal }));
	});

	const kill = async (signal: NodeJS.Signals = "SIGKILL") => {
		if (exit) return;
		child.kill(signal);
		if (signal === "SIGSTOP" || signal === "SIGCONT") return;
		await exited;
	};

	return {
		get pid() {
			return child.pid ?? -1;
		},
		output: () => kept,
		onLine: (listener) => void listeners.add(listener),
		exited,
		exit: () => exit,
		kill,
		async stop(graceMs = 10_000) {
			if (exit) return exit;
			child.kill("SIGCONT");
			child.kill("SIGTERM");
			const timer = setTimeout(() => child.kill("SIGKILL"), graceMs);
			try {
				return await exited;
			} finally {
				clearTimeout(timer);
			}
		},
	};
}
