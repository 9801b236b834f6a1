/** A value that follows another once that has come to rest, for searches while somebody types. */
import { onScopeDispose, type Ref, ref, watch } from "vue";

const REST_MS = 200;

export function useDebounced(source: Ref<string>): Ref<string> {
	const settled = ref(source.value);
	let timer: ReturnType<typeof setTimeout> | undefined;
	watch(source, (value) => {
		clearTimeout(timer);
		timer = setTimeout(() => {
			settled.value = value;
		}, REST_MS);
	});
	onScopeDispose(() => clearTimeout(timer));
	return settled;
}
