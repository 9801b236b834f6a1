/*
 * `npm test`: the checks, then every test against real servers and a real browser. The last line says how many passed and
 * failed; a failed check, a file that could not be loaded and a run that broke down each count as a failure, and so does
 * a run without any test. Arguments go to vitest.
 */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { buildDashboard } from "./build-dashboard.ts";
import { runChecks } from "./check.ts";
import { runNode } from "./run-node.ts";
import { provision, SERVER_NAMES } from "./servers/provision.ts";

/** What this reads of vitest's JSON report. */
interface Report {
	readonly numPassedTests: number;
	readonly numFailedTests: number;
	readonly numPendingTests: number;
	readonly numTodoTests: number;
	readonly testResults: readonly { status: string; assertionResults: readonly { status: string }[] }[];
}

interface Count {
	readonly passed: number;
	readonly failed: number;
	readonly skipped: number;
}

/**
 * Counts a finished run of vitest.
 *
 * @param report what it wrote, undefined when it wrote nothing
 * @param exitCode of its process; a failure that no test carries (an unhandled error, a crash) counts as one
 */
export function count(report: Report | undefined, exitCode: number): Count {
	if (!report) return { passed: 0, failed: 1, skipped: 0 };
	const isBroken = (file: Report["testResults"][number]) =>
		file.status === "failed" && !file.assertionResults.some(({ status }) => status === "failed");
	const failed = report.numFailedTests + report.testResults.filter(isBroken).length;
	const passed = report.numPassedTests;
	const unexplained = failed === 0 && (exitCode !== 0 || passed === 0) ? 1 : 0;
	return { passed, failed: failed + unexplained, skipped: report.numPendingTests + report.numTodoTests };
}

/** The closing line, for people and for CI. */
export function closingLine({ passed, failed, skipped }: Count): string {
	return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

async function runTests(args: readonly string[]): Promise<Count> {
	const work = await mkdtemp(path.join(tmpdir(), "scanpulse-test-"));
	try {
		const file = path.join(work, "report.json");
		const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${file}`];
		const exitCode = await runNode("node_modules/vitest/vitest.mjs", ["run", ...reporters, ...args]);
		const report = await readFile(file, "utf8").then(
			(text) => JSON.parse(text) as Report,
			() => undefined,
		);
		return count(report, exitCode);
	} finally {
		await rm(work, { recursive: true, force: true });
	}
}

/** True when the part succeeded; what it threw is printed and counts as one failure. */
async function succeeds(what: string, work: () => Promise<unknown>): Promise<boolean> {
	try {
		await work();
		return true;
	} catch (error) {
		console.error(`FAILED ${what}: ${error instanceof Error ? error.message : String(error)}`);
		return false;
	}
}

async function main(): Promise<void> {
	const parts = (await runChecks()).map(({ passed }) => passed);
	for (const name of SERVER_NAMES) {
		parts.push(await succeeds(name, async () => console.log(`ok     ${name}: ${await provision(name)}`)));
	}
	parts.push(await succeeds("build of the dashboard", () => buildDashboard()));
	const tests = await runTests(process.argv.slice(2));
	const failed = tests.failed + parts.filter((passed) => !passed).length;
	console.log(`\n${closingLine({ ...tests, failed })}`);
	process.exitCode = failed > 0 ? 1 : 0;
}

if (import.meta.main) await main();
