/** When something that is loaded is loaded again, in a time that the test moves. */
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { effectScope, nextTick, ref } from "vue";
import { useLoad } from "../src/composables/use-load.ts";

beforeEach(() => void vi.useFakeTimers({ now: 0 }));
afterEach(() => void vi.useRealTimers());

test("screens that refreshed at once go on loading each in its own rhythm, until they are closed", async () => {
	const quarter = ref(0);
	const scope = effectScope();
	/** Instants of loads, s, by screen. */
	const loads: number[][] = [[], []];
	const open = (screen: number) =>
		scope.run(() =>
			useLoad(async () => loads[screen]?.push(Date.now() / 1_000), {
				refreshOn: () => quarter.value,
				everyMs: 1_000,
				againEveryMs: 60_000,
			}),
		);
	open(0);
	await vi.advanceTimersByTimeAsync(20_000);
	open(1);
	await vi.advanceTimersByTimeAsync(10_000);
	quarter.value++;
	await nextTick();
	await vi.advanceTimersByTimeAsync(120_000);
	expect(loads).toEqual([
		[0, 31, 60, 120],
		[20, 31, 80, 140],
	]);
	scope.stop();
	await vi.advanceTimersByTimeAsync(120_000);
	expect(loads.flat()).toHaveLength(8);
});

test("another question is asked at once, and the rhythm goes on, so that midnight does not bring all screens into one", async () => {
	const day = ref("sunday");
	const scope = effectScope();
	const loads: string[] = [];
	const load = async () => loads.push(`${day.value} ${Date.now() / 1_000}`);
	scope.run(() => useLoad(load, { on: () => day.value, againEveryMs: 60_000 }));
	await vi.advanceTimersByTimeAsync(50_000);
	day.value = "monday";
	await nextTick();
	await vi.advanceTimersByTimeAsync(70_000);
	expect(loads).toEqual(["sunday 0", "monday 50", "monday 60", "monday 120"]);
	scope.stop();
});
