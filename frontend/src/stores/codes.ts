/** The codes of the organisation as lists and forms need them. */
import { defineStore } from "pinia";
import { shallowRef } from "vue";
import type { Code, CodeChanges, CodeInput } from "../../../contracts/code.ts";
import { changeCode, createCode, deleteCode, fetchCodes } from "../api/codes.ts";

export const PAGE_SIZE = 25;

export const useCodes = defineStore("codes", () => {
	const rows = shallowRef<readonly Code[]>([]);
	const total = shallowRef(0);
	/** Grows with every change made here, so that lists know that they are old. */
	const revision = shallowRef(0);

	/** @throws Problem when the list could not be read. */
	async function list(search: string, page: number, signal?: AbortSignal): Promise<void> {
		const answer = await fetchCodes({ search, page, pageSize: PAGE_SIZE }, signal);
		rows.value = answer.rows;
		total.value = answer.total;
	}

	/** @throws Problem with the fields that were wrong. */
	async function create(input: CodeInput): Promise<Code> {
		const code = await createCode(input);
		revision.value += 1;
		return code;
	}

	/** @throws Problem with the fields that were wrong. */
	async function change(id: string, changes: CodeChanges): Promise<Code> {
		const code = await changeCode(id, changes);
		revision.value += 1;
		return code;
	}

	/** @throws Problem when it could not be deleted. */
	async function remove(id: string): Promise<void> {
		await deleteCode(id);
		revision.value += 1;
	}

	return { rows, total, revision, list, create, change, remove };
});
