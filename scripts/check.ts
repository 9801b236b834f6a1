/*
 * `npm run check`: everything that can be said about the code without running it. Every step runs even when an earlier
 * one failed, so that one run shows all there is to mend.
 */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";

const ROOT = path.join(import.meta.dirname, "..");
const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
const STEPS_AT_ONCE = 2;

interface Step {
	readonly name: string;
	/** A script that Node runs, its place seen from node_modules, and its arguments. */
	readonly command: readonly [script: string, ...args: string[]];
	/** Files without which the step cannot mean anything. */
	readonly needs: readonly string[];
}

export interface StepResult {
	readonly name: string;
	readonly passed: boolean;
}

const CRUISED = [
	...["contracts", "platform", "services", "mixins", "frontend", "scripts", "test", "bench"],
	...["main.ts", "moleculer.config.ts"],
].filter((file) => existsSync(path.join(ROOT, file)));

const STEPS: readonly Step[] = [
	{ name: "types", command: ["typescript/bin/tsc", "-p", "tsconfig.json"], needs: ["tsconfig.json"] },
	{
		name: "types of the dashboard",
		command: ["vue-tsc/bin/vue-tsc.js", "-p", "frontend/tsconfig.json"],
		needs: ["frontend/tsconfig.json"],
	},
	{
		name: "lint and format",
		command: ["@biomejs/biome/bin/biome", "check", "--error-on-warnings", "."],
		needs: ["biome.json"],
	},
	{
		name: "import rules",
		command: ["dependency-cruiser/bin/dependency-cruiser.mjs", "--config", ".dependency-cruiser.cjs", ...CRUISED],
		needs: [".dependency-cruiser.cjs"],
	},
	{ name: "manifests of Kubernetes", command: ["../scripts/manifests.ts"], needs: ["k8s/base/kustomization.yaml"] },
	{ name: "dead code", command: ["knip/bin/knip.js", "--no-progress", "--no-config-hints"], needs: ["knip.json"] },
];

function runStep(step: Step): Promise<{ passed: boolean; output: string }> {
	const missing = step.needs.filter((file) => !existsSync(path.join(ROOT, file)));
	if (missing.length > 0) return Promise.resolve({ passed: false, output: `missing: ${missing.join(", ")}` });
	const [script, ...args] = step.command;
	return new Promise((resolve) => {
		execFile(
			process.execPath,
			[path.join(ROOT, "node_modules", script), ...args],
			{ cwd: ROOT, maxBuffer: OUTPUT_LIMIT_BYTES },
			(error, stdout, stderr) =>
				resolve({ passed: !error, output: `${stdout}${stderr}`.trim() || (error?.message ?? "") }),
		);
	});
}

/** Runs every step, prints each as it ends with what it found and its time, and resolves with how each went. */
export async function runChecks(): Promise<StepResult[]> {
	const waiting = [...STEPS];
	const results: StepResult[] = [];
	const work = async () => {
		for (let step = waiting.shift(); step; step = waiting.shift()) {
			const begun = performance.now();
			const { passed, output } = await runStep(step);
			const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
			console.log(`${passed ? "ok    " : "FAILED"} ${step.name} (${seconds} s)`);
			if (!passed) console.log(output);
			results.push({ name: step.name, passed });
		}
	};
	await Promise.all(Array.from({ length: STEPS_AT_ONCE }, work));
	return results;
}

if (import.meta.main) {
	const failed = (await runChecks()).filter(({ passed }) => !passed);
	console.log(
		failed.length === 0 ? "All checks passed." : `Checks failed: ${failed.map(({ name }) => name).join(", ")}.`,
	);
	if (failed.length > 0) process.exitCode = 1;
}
