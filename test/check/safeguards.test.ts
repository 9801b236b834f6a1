/*
 * The table of safeguards stays true to the source: what is taken away is still there, and so are the tests that must
 * notice and the page that says so. That they do notice is shown by `npm run safeguards`.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { taken } from "../../scripts/safeguards/copy.ts";
import { SAFEGUARDS } from "../../scripts/safeguards/table.ts";

const text = (file: string) => readFile(path.join(import.meta.dirname, "..", "..", file), "utf8");

describe.each(SAFEGUARDS)("$name", ({ name, removals }) => {
	test.each(removals)("$of: can be taken away as the table says", async ({ edit }) => {
		const source = await text(edit.file);
		expect(taken(source, edit)).not.toBe(source);
	});

	test("is on the page about reliability", async () => {
		expect(await text("docs/reliability.md")).toContain(`| ${name} |`);
	});
});
