/*
 * Runs a script of the repository under the Node that runs this one, with its output on this terminal. Signals that stop
 * this process stop the script too.
 */
import { spawn } from "node:child_process";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const EXIT_CODE_OF_A_KILL = 137;

/** Resolves with the exit code; 137 when a signal ended it. */
export function runNode(script: string, args: readonly string[]): Promise<number> {
	return new Promise((resolve, reject) => {
		const child = spawn(process.execPath, [path.join(ROOT, script), ...args], { cwd: ROOT, stdio: "inherit" });
		const forward = (signal: NodeJS.Signals) => void child.kill(signal);
		const signals: NodeJS.Signals[] = ["SIGINT", "SIGTERM", "SIGHUP"];
		for (const signal of signals) process.on(signal, forward);
		child.once("error", reject);
		child.once("close", (code) => {
			for (const signal of signals) process.off(signal, forward);
			resolve(code ?? EXIT_CODE_OF_A_KILL);
		});
	});
}
