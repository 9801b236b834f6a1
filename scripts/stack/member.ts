/*
 * One member of the stack, kept alive: when its process ends without having been told to, it is started again after a
 * delay that grows while it keeps dying and shrinks back once it has stayed up.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Exit } from "../servers/process.ts";

const FIRST_DELAY_MS = 200;
const LONGEST_DELAY_MS = 5_000;
/** A process that has lived this long has started well: the next delay is the first again. */
const STEADY_MS = 10_000;

/** A process that serves, as its member sees it. */
export interface Serving {
	readonly pid: number;
	readonly exited: Promise<Exit>;
	output(): string;
	kill(signal?: NodeJS.Signals): Promise<void>;
	stop(): Promise<unknown>;
}

export interface MemberOptions {
	readonly name: string;
	/** Resolves when the process serves; when `aborted` fires first, it ends what it began and rejects. */
	launch(aborted: AbortSignal): Promise<Serving>;
	/** False leaves it dead when it dies. */
	readonly restarts: boolean;
	/** The delay before a start grows up to this, ms. @defaultValue 5000 */
	readonly longestDelayMs?: number;
	/** Told, in a few words, what happens to it. */
	report(what: string): void;
}

export interface Member {
	readonly name: string;
	/** Undefined while no process serves. */
	serving(): Serving | undefined;
	/** Starts it and keeps it alive. Resolves when it serves, rejects when its first process does not come up. */
	start(): Promise<void>;
	/** Sends a signal (SIGKILL unless given) to its process; what dies of it is started again. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** Ends it orderly, and it stays down until `start`. */
	stop(): Promise<void>;
}

/** A member that has not been started yet. */
export function createMember(options: MemberOptions): Member {
	const { name, launch, restarts, longestDelayMs = LONGEST_DELAY_MS, report } = options;
	let current: Serving | undefined;
	let life: { readonly abort: AbortController; readonly ended: Promise<void> } | undefined;

	const describe = ({ code, signal }: Exit) => (signal ? `killed by ${signal}` : `ended with code ${code}`);

	/** Waits for the end of a process that serves, and says what became of it. */
	const outlive = async (serving: Serving, aborted: AbortSignal) => {
		current = serving;
		report(`serves (pid ${serving.pid})`);
		const exit = await serving.exited;
		current = undefined;
		if (!aborted.aborted) report(describe(exit));
	};

	const keepAlive = async (first: Serving, aborted: AbortSignal) => {
		let begun = performance.now();
		let pause = FIRST_DELAY_MS;
		await outlive(first, aborted);
		while (restarts && !aborted.aborted) {
			if (performance.now() - begun > STEADY_MS) pause = FIRST_DELAY_MS;
			report(`starts again in ${pause} ms`);
			await delay(pause, undefined, { signal: aborted }).catch(() => undefined);
			if (aborted.aborted) return;
			pause = Math.min(pause * 2, longestDelayMs);
			begun = performance.now();
			const serving = await launch(aborted).catch((error: Error) => {
				if (!aborted.aborted) report(`did not start: ${error.message}`);
				return undefined;
			});
			if (serving) await outlive(serving, aborted);
		}
	};

	return {
		name,
		serving: () => current,
		async start() {
			if (life) throw new Error(`${name} is started already`);
			const abort = new AbortController();
			const first = launch(abort.signal);
			const ended = first
				.then((serving) => keepAlive(serving, abort.signal))
				.catch(() => undefined)
				.finally(() => {
					life = undefined;
				});
			life = { abort, ended };
			await first;
		},
		async kill(signal) {
			if (!current) throw new Error(`${name} has no process that serves`);
			await current.kill(signal);
			if (!restarts && !current) await life?.ended;
		},
		async stop() {
			if (!life) return;
			const { abort, ended } = life;
			abort.abort();
			await current?.stop();
			await ended;
		},
	};
}
