/**
 * Something that is loaded, and loaded again when what it depends on changes. The last good answer stays while a newer one
 * is on its way; an answer that was overtaken is thrown away.
 */
import { onScopeDispose, type ShallowRef, shallowRef, watch } from "vue";
import { Problem } from "../api/client.ts";

export interface Load<T> {
	readonly data: Readonly<ShallowRef<T | undefined>>;
	readonly problem: Readonly<ShallowRef<Problem | undefined>>;
	readonly loading: Readonly<ShallowRef<boolean>>;
	reload(): Promise<void>;
}

export interface LoadOptions {
	/** Forgets the answer when this changes, and loads again. */
	readonly on?: () => unknown;
	/** Loads again when this changes, keeping the answer meanwhile, at most once in `everyMs`. */
	readonly refreshOn?: () => unknown;
	/** @defaultValue 3000 */
	readonly everyMs?: number;
	/**
	 * Loads again so often, keeping the answer meanwhile. Counted from the beginning, whatever else is loaded between, so
	 * that screens which hear of one thing at once, or come to midnight, do not go on asking at once.
	 */
	readonly againEveryMs?: number;
}

export function useLoad<T>(load: (signal: AbortSignal) => Promise<T>, options: LoadOptions = {}): Load<T> {
	const { everyMs = 3_000, againEveryMs } = options;
	const data = shallowRef<T>();
	const problem = shallowRef<Problem>();
	const loading = shallowRef(false);
	let running: AbortController | undefined;
	let refresh: ReturnType<typeof setTimeout> | undefined;

	async function reload(): Promise<void> {
		clearTimeout(refresh);
		refresh = undefined;
		running?.abort();
		const mine = new AbortController();
		running = mine;
		loading.value = true;
		try {
			const answer = await load(mine.signal);
			if (running !== mine) return;
			data.value = answer;
			problem.value = undefined;
		} catch (error) {
			if (running !== mine) return;
			problem.value = error instanceof Problem ? error : new Problem(0, { detail: String(error) });
		}
		loading.value = false;
	}

	watch(
		() => options.on?.(),
		() => {
			data.value = undefined;
			void reload();
		},
		{ immediate: true },
	);
	watch(
		() => options.refreshOn?.(),
		() => {
			refresh ??= setTimeout(() => void reload(), everyMs);
		},
	);
	const again = againEveryMs === undefined ? undefined : setInterval(() => void reload(), againEveryMs);
	onScopeDispose(() => {
		clearTimeout(refresh);
		clearInterval(again);
		running?.abort();
		running = undefined;
	});
	return { data, problem, loading, reload };
}
