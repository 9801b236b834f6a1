/*
 * The screens' thread as Artillery's sees it. Artillery's own heap is large, and each time it is collected nothing else
 * happens for a tenth of a second: what is to be measured on one clock is looked at from a small thread of its own.
 */
import { Worker } from "node:worker_threads";
import type { LoadPlan } from "./plan.ts";
import type { LookOptions, Metrics } from "./screens.ts";

export interface CrowdData {
	readonly plan: LoadPlan;
	readonly options: LookOptions;
}

/** Somebody comes, who looks at as many screens as one virtual user does. */
export type CrowdTold = { readonly comes: number };

export type CrowdSaid =
	| { readonly counters: Readonly<Record<string, number>>; readonly histograms: Readonly<Record<string, number[]>> }
	| { readonly leaves: number; readonly error?: string };

/** More objects die young in a larger young heap, and need no collection that takes long, MiB. */
const YOUNG_MIB = 96;

let crowd: Crowd | undefined;

/** Looks at screens, and leaves with everybody else. @throws Error when one of the screens could not be looked at */
export function lookAsOneOfMany(plan: LoadPlan, metrics: Metrics, options: LookOptions): Promise<void> {
	crowd ??= new Crowd({ plan, options });
	return crowd.come(metrics);
}

class Crowd {
	readonly #worker: Worker;
	readonly #present = new Map<number, PromiseWithResolvers<void>>();
	#came = 0;
	#metrics: Metrics | undefined;

	constructor(workerData: CrowdData) {
		this.#worker = new Worker(new URL("./crowd.worker.ts", import.meta.url), {
			workerData,
			resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
		});
		this.#worker.on("message", (said: CrowdSaid) => this.#hear(said));
		this.#worker.on("error", (error: Error) => {
			for (const { reject } of this.#present.values()) reject(error);
			this.#present.clear();
		});
	}

	come(metrics: Metrics): Promise<void> {
		this.#metrics = metrics;
		const comes = this.#came++;
		const looks = Promise.withResolvers<void>();
		this.#present.set(comes, looks);
		this.#worker.ref();
		this.#worker.postMessage({ comes } satisfies CrowdTold);
		return looks.promise;
	}

	#hear(said: CrowdSaid): void {
		if ("leaves" in said) {
			const looks = this.#present.get(said.leaves);
			this.#present.delete(said.leaves);
			// Artillery ends when all have left.
			if (this.#present.size === 0) this.#worker.unref();
			if (said.error === undefined) looks?.resolve();
			else looks?.reject(new Error(said.error));
			return;
		}
		for (const [name, value] of Object.entries(said.counters)) this.#metrics?.emit("counter", name, value);
		for (const [name, values] of Object.entries(said.histograms)) {
			for (const value of values) this.#metrics?.emit("histogram", name, value);
		}
	}
}
