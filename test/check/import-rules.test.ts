/*
 * The import rules really refuse what the architecture forbids: each case is a small source tree with one import in the
 * wrong direction, judged by the same rules as the product.
 */
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

const ROOT = path.join(import.meta.dirname, "..", "..");
let tree: string;

beforeEach(async () => {
	tree = await mkdtemp(path.join(tmpdir(), "scanpulse-imports-"));
	await symlink(path.join(ROOT, "node_modules"), path.join(tree, "node_modules"));
	await symlink(path.join(ROOT, "tsconfig.json"), path.join(tree, "tsconfig.json"));
	await symlink(path.join(ROOT, "package.json"), path.join(tree, "package.json"));
});
afterEach(() => rm(tree, { recursive: true, force: true }));

/** Lays out the files given as path → text and returns the names of the rules they break. */
async function brokenRules(files: Record<string, string>): Promise<string[]> {
	for (const [file, text] of Object.entries(files)) {
		await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
		await writeFile(path.join(tree, file), text);
	}
	const roots = [...new Set(Object.keys(files).map((file) => file.split("/")[0] as string))];
	const cruiser = path.join(ROOT, "node_modules/dependency-cruiser/bin/dependency-cruiser.mjs");
	const config = path.join(ROOT, ".dependency-cruiser.cjs");
	const report = await new Promise<string>((resolve) => {
		execFile(
			process.execPath,
			[cruiser, "--config", config, "--output-type", "json", ...roots],
			{ cwd: tree },
			(_, out) => resolve(out),
		);
	});
	const { summary } = JSON.parse(report) as { summary: { violations: { rule: { name: string } }[] } };
	return [...new Set(summary.violations.map(({ rule }) => rule.name))].sort();
}

const SOMETHING = "export const something = 1;\n";
const reach = (target: string) => `import { something } from ${JSON.stringify(target)};\nexport const x = something;\n`;

test("imports that point downward are fine", async () => {
	const rules = await brokenRules({
		"main.ts": reach("./services/codes/codes.service.ts"),
		"services/codes/codes.service.ts": reach("../../mixins/db.ts"),
		"mixins/db.ts": reach("../platform/store.ts"),
		"platform/store.ts": reach("../contracts/scan.ts"),
		"contracts/scan.ts": SOMETHING,
		"frontend/src/App.vue": `<script setup lang="ts">\n${reach("../../contracts/scan.ts").replace("export ", "")}</script>\n`,
		"test/a.test.ts": reach("../services/codes/codes.service.ts"),
	});
	expect(rules).toEqual([]);
});

test.each([
	["contracts-stand-alone", "contracts/scan.ts", "../platform/a.ts", "platform/a.ts"],
	["platform-downward", "platform/log/a.ts", "../../services/codes/a.ts", "services/codes/a.ts"],
	["platform-downward", "platform/a.ts", "../scripts/a.ts", "scripts/a.ts"],
	["mixins-downward", "mixins/a.ts", "../services/codes/a.ts", "services/codes/a.ts"],
	["services-downward", "services/codes/a.ts", "../../test/harness/a.ts", "test/harness/a.ts"],
	["actors-speak-by-messages", "services/codes/a.ts", "../scans/a.ts", "services/scans/a.ts"],
	["frontend-downward", "frontend/src/a.ts", "../../platform/a.ts", "platform/a.ts"],
	["frontend-tests", "frontend/test/a.test.ts", "../../services/codes/a.ts", "services/codes/a.ts"],
	["main-needs-no-tools", "main.ts", "./scripts/stack.ts", "scripts/stack.ts"],
	["nothing-imports-main", "services/codes/a.ts", "../../main.ts", "main.ts"],
])("%s: %s may not import %s", async (rule, from, specifier, to) => {
	expect(await brokenRules({ [from]: reach(specifier), [to]: SOMETHING })).toContain(rule);
});

test("the dashboard's components are judged like its modules", async () => {
	const script = reach("../../platform/a.ts").replace("export ", "");
	const files = {
		"frontend/src/App.vue": `<script setup lang="ts">\n${script}</script>\n`,
		"platform/a.ts": SOMETHING,
	};
	expect(await brokenRules(files)).toEqual(["frontend-downward"]);
});

test("a cycle is refused, also one of types only", async () => {
	const rules = await brokenRules({
		"platform/a.ts": 'import type { B } from "./b.ts";\nexport interface A { b: B }\n',
		"platform/b.ts": 'import type { A } from "./a.ts";\nexport interface B { a?: A }\n',
	});
	expect(rules).toEqual(["no-cycles"]);
});

test("an import that leads nowhere and a package that no one declared are refused", async () => {
	expect(await brokenRules({ "platform/a.ts": reach("./missing.ts") })).toContain("no-unresolvable");
	expect(await brokenRules({ "platform/a.ts": reach("acorn") })).toContain("no-undeclared-package");
	expect(await brokenRules({ "platform/a.ts": reach("fast-check") })).toContain("product-without-dev-packages");
	const typesOnly = 'import type { Arbitrary } from "fast-check";\nexport type X = Arbitrary<number>;\n';
	expect(await brokenRules({ "platform/a.ts": typesOnly })).toEqual([]);
});
