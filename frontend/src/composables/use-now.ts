/** A clock that moves once a second, for ages and for minutes that end by themselves. */
import { onScopeDispose, type ShallowRef, shallowRef } from "vue";

const TICK_MS = 1_000;

/** Reads `clock` (epoch ms) now and each second until the scope ends. */
export function useNow(clock: () => number = Date.now): Readonly<ShallowRef<number>> {
	const now = shallowRef(clock());
	const timer = setInterval(() => {
		now.value = clock();
	}, TICK_MS);
	onScopeDispose(() => clearInterval(timer));
	return now;
}
