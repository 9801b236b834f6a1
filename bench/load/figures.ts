/* How figures of a bench are gathered and shown. */

export function median(values: readonly number[]): number {
	const sorted = values.toSorted((a, b) => a - b);
	const middle = Math.floor(sorted.length / 2);
	return sorted.length % 2 === 1
		? (sorted[middle] as number)
		: ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** `12,345/s`. */
export function rate(perSecond: number): string {
	return `${Math.round(perSecond).toLocaleString("en")}/s`;
}

export function percent(share: number): string {
	return `${(100 * share).toFixed(1)} %`;
}

export function ms(value: number): string {
	return `${value.toFixed(2)} ms`;
}

/** Processor time a request, µs: the event loop's and all threads', the median of several runs. */
export function cost(runs: readonly { readonly main: number; readonly process: number }[]): string {
	const main = median(runs.map((run) => run.main));
	const all = median(runs.map((run) => run.process));
	return `${main.toFixed(1)} µs of its event loop, ${all.toFixed(1)} µs of all threads`;
}
