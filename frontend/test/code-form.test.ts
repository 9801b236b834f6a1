/** What a code's forms tell the API: only what was filled in or changed, and `null` for what was emptied. */
import { expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { changesOf, fieldsOf, inputOf } from "../src/composables/code-form.ts";
import { codeState } from "../src/composables/code-state.ts";

const code: Code = {
	id: "c1",
	slug: "menu",
	url: "https://example.com/menu",
	name: "Menu",
	tags: ["a", "b"],
	active: true,
	expiresAt: "2026-05-01T10:00:00.000Z",
	maxScans: 100,
	rules: [],
	variants: [],
	placements: [],
	createdAt: "2026-01-01T00:00:00.000Z",
	updatedAt: "2026-01-01T00:00:00.000Z",
};

test("a new code leaves to the server what was left empty", () => {
	expect(inputOf({ ...fieldsOf(), url: " example.com/menu ", tags: "menu, , berlin, menu" })).toEqual({
		url: "https://example.com/menu",
		name: undefined,
		slug: undefined,
		tags: ["menu", "berlin"],
	});
	expect(inputOf({ ...fieldsOf(), url: "ftp://x" }).url).toBe("ftp://x");
});

test("an edit says what changed and clears what was emptied", () => {
	expect(changesOf(fieldsOf(code), code)).toEqual({});
	const fields = { ...fieldsOf(code), name: "Card", active: false, maxScans: "", expiresAt: "" };
	expect(changesOf(fields, code)).toEqual({ name: "Card", active: false, maxScans: null, expiresAt: null });
});

test("a code is active until it is switched off or ends", () => {
	const end = Date.parse("2026-05-01T10:00:00Z");
	expect(codeState(code, end - 1)).toBe("Active");
	expect(codeState(code, end)).toBe("Expired");
	expect(codeState({ ...code, active: false }, end)).toBe("Inactive");
});
