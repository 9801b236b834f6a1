/*
 * Waiting for a condition instead of for a time. A condition that throws counts as not yet true, and what it threw last
 * is part of the message when the time is up, so that a failure says why.
 */
import { setTimeout as delay } from "node:timers/promises";

export interface UntilOptions {
	/** What is waited for, as it should read in the failure: "the summary to show 200 scans". */
	readonly what: string;
	/** @defaultValue 10_000 */
	readonly timeoutMs?: number;
	/** @defaultValue 25 */
	readonly everyMs?: number;
}

/**
 * Polls until `condition` gives something other than false, null or undefined, and resolves with it.
 * @throws Error naming `what` and the last error of the condition when `timeoutMs` is over.
 */
export async function until<T>(
	condition: () => T | Promise<T>,
	options: UntilOptions,
): Promise<Exclude<T, false | null | undefined>> {
	const { what, timeoutMs = 10_000, everyMs = 25 } = options;
	const deadline = performance.now() + timeoutMs;
	let last: unknown;
	for (;;) {
		try {
			const value = await condition();
			if (value !== false && value !== null && value !== undefined)
				return value as Exclude<T, false | null | undefined>;
			last = undefined;
		} catch (error) {
			last = error;
		}
		if (performance.now() >= deadline)
			throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`, last === undefined ? {} : { cause: last });
		await delay(everyMs);
	}
}
