/*
 * Lets a process of this machine yield the processor to others, as requests and shares of it do on a cluster: by its
 * niceness, and where Linux groups processes by session, by that of its group, because a niceness counts only within one.
 *
 * @see https://man7.org/linux/man-pages/man7/sched.7.html The autogroup feature
 */
import { writeFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { isExecutable } from "./executable.ts";

/**
 * Who goes first where all want the processor: `first` is what a phone waits for, `second` counts and shows what was
 * counted, `last` reads.
 */
export const TURNS = ["first", "second", "last"] as const;
export type Turn = (typeof TURNS)[number];

/** A third and a fifteenth of the processor that those get who go first. */
const NICENESS = { second: "5", last: "12" } as const satisfies Record<Exclude<Turn, "first">, string>;
const NICE = "/usr/bin/nice";
/** Who is not privileged may set the niceness of one group in a tenth of a second. */
const AGAIN_MS = 120;
const MOST_TRIES = 100;

/** The same command, begun so that it and all its threads yield; as it is where a system cannot. */
export function yieldingCommand(command: readonly string[], turn: Turn): readonly string[] {
	return turn === "first" || !isExecutable(NICE) ? command : [NICE, "-n", NICENESS[turn], ...command];
}

/** Makes the session that a process leads yield. Resolves when it does, or cannot: elsewhere than on Linux, or ended. */
export async function yieldAsSession(pid: number, turn: Turn): Promise<void> {
	if (turn === "first") return;
	for (let tries = 0; tries < MOST_TRIES; tries++) {
		try {
			return await writeFile(`/proc/${pid}/autogroup`, NICENESS[turn]);
		} catch (error) {
			if ((error as NodeJS.ErrnoException).code !== "EAGAIN") return;
			await delay(AGAIN_MS, undefined, { ref: false });
		}
	}
}
