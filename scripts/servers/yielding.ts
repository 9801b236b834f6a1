/*
 * Lets a process of this machine yield the processor to others, as requests and shares of it do on a cluster: by its
 * niceness, and where Linux groups processes by session, by that of its group, because a niceness counts only within one.
 *
 * @see https://man7.org/linux/man-pages/man7/sched.7.html The autogroup feature
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isExecutable } from "./executable.ts";

/** A third of the processor that others get when all want it. */
const NICENESS = "5";
const NICE = "/usr/bin/nice";
/** Who is not privileged may set the niceness of one group in a tenth of a second. */
const AGAIN_MS = 120;
const MOST_TRIES = 100;

/** The same command, begun so that it and all its threads yield; as it is where a system cannot. */
export function yieldingCommand(command: readonly string[]): readonly string[] {
	return isExecutable(NICE) ? [NICE, "-n", NICENESS, ...command] : command;
}

/** Makes the session that a process leads yield. Resolves when it does, or cannot: elsewhere than on Linux, or ended. */
export async function yieldAsSession(pid: number): Promise<void> {
	for (let tries = 0; tries < MOST_TRIES; tries++) {
		try {
			return await writeFile(`/proc/${pid}/autogroup`, NICENESS);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
			await delay(AGAIN_MS, undefined, { ref: false });
		}
	}
}
