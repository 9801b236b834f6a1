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

export function mib(bytes: number): string {
	return `${Math.round(bytes / 2 ** 20).toLocaleString("en")} MiB`;
}

/** Processor time a request, µs: the event loop's and all threads', the median of several runs. */
function cost(runs: readonly { readonly main: number; readonly process: number }[]): string {
	const main = median(runs.map((run) => run.main));
	const all = median(runs.map((run) => run.process));
	return `${main.toFixed(1)} µs of its event loop, ${all.toFixed(1)} µs of all threads`;
}

interface Run {
	readonly perSecond: number;
	readonly answers: number;
	readonly durable: number;
	readonly statuses: Readonly<Record<string, number>>;
	readonly cost: { readonly main: number; readonly process: number } | undefined;
}

/** What several runs came to, beside the bare server's runs of the same rounds. */
export function figuresOf(name: string, runs: readonly Run[], bare: readonly Run[]): string {
	const shares = runs.map((run, round) => run.perSecond / (bare[round] as Run).perSecond);
	const durable = runs.reduce((sum, run) => sum + run.durable, 0) / runs.reduce((sum, run) => sum + run.answers, 0);
	const figures = [rate(median(runs.map(({ perSecond }) => perSecond))), percent(median(shares)), percent(durable)];
	const costs = runs.flatMap((run) => run.cost ?? []);
	return [
		`${name.padEnd(10)} ${figures[0]}, ${figures[1]} of bare; ${figures[2]} durable when answered`,
		...(costs.length > 0 ? [`           processor time a request: ${cost(costs)}`] : []),
		`           rounds: ${shares.map(percent).join(", ")}; statuses ${JSON.stringify(runs[0]?.statuses)}`,
	].join("\n");
}
