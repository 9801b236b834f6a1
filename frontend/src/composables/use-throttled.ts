/** Something costly that follows its sources: soon after a change, and at most once in a while however often they change. */
import { onScopeDispose, type ShallowRef, shallowRef, watch } from "vue";

/** Long enough for the frame that shows what changed to be painted first, ms. */
const AFTER_FRAME_MS = 20;

/** Works out a value now and, at most every `everyMs`, when what `sources` reads has changed. */
export function useThrottled<T>(sources: () => unknown, work: () => T, everyMs: number): Readonly<ShallowRef<T>> {
	const value = shallowRef(work()) as ShallowRef<T>;
	let workedAt = performance.now();
	let timer: ReturnType<typeof setTimeout> | undefined;
	watch(sources, () => {
		timer ??= setTimeout(
			() => {
				timer = undefined;
				workedAt = performance.now();
				value.value = work();
			},
			Math.max(AFTER_FRAME_MS, workedAt + everyMs - performance.now()),
		);
	});
	onScopeDispose(() => clearTimeout(timer));
	return value;
}
