/** A form's submission: whether it is under way, what went wrong, and which field it was. */
import { computed, shallowRef } from "vue";
import { Problem } from "../api/client.ts";

export function useSubmit<Args extends unknown[]>(submit: (...args: Args) => Promise<void>) {
	const submitting = shallowRef(false);
	const problem = shallowRef<Problem>();

	/** @returns true when it went well. */
	async function run(...args: Args): Promise<boolean> {
		if (submitting.value) return false;
		submitting.value = true;
		problem.value = undefined;
		try {
			await submit(...args);
			return true;
		} catch (error) {
			problem.value = error instanceof Problem ? error : new Problem(0, { detail: String(error) });
			return false;
		} finally {
			submitting.value = false;
		}
	}

	/** What the server said of a field, by its path; a field also answers for what lies within it. */
	function fieldError(path: string): string | undefined {
		return problem.value?.errors.find((error) => error.path === path || error.path.startsWith(`${path}[`))?.message;
	}

	/** What no field of the form can show. */
	const message = computed(() => {
		if (!problem.value) return undefined;
		return problem.value.errors.length > 0 ? undefined : problem.value.message;
	});

	return { submitting, problem, message, fieldError, run };
}
