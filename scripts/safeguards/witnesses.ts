/*
 * Runs the tests that witness safeguards, in a copy of the source, and tells how each of them ended. Only tests that ran
 * count: a file that could not be loaded proves nothing about a safeguard.
 */
import { execFile } from "node:child_process";
import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import type { Witness } from "./safeguard.ts";

const OUTPUT_LIMIT_BYTES = 64 * 1024 * 1024;
const REPORT = "safeguards-report.json";

/** What this reads of vitest's JSON report. */
interface Report {
	readonly testResults: readonly {
		readonly name: string;
		readonly assertionResults: readonly {
			readonly title: string;
			readonly status: string;
			readonly failureMessages?: readonly string[];
		}[];
	}[];
}

export interface Outcome {
	/** How many tests of this title ran. */
	readonly ran: number;
	/** What those that failed said. */
	readonly failures: readonly string[];
}

/** Runs the witnesses' tests, and no others of their files; answers in their order. */
export async function runWitnesses(dir: string, witnesses: readonly Witness[]): Promise<Outcome[]> {
	const files = [...new Set(witnesses.map(({ file }) => file))];
	const titles = [...new Set(witnesses.map(({ test }) => RegExp.escape(test)))];
	const report = await runVitest(dir, [...files, "--testNamePattern", titles.join("|")]);
	return witnesses.map(({ file, test }) => {
		const results = report.testResults.find(({ name }) => name === path.join(dir, file))?.assertionResults ?? [];
		const ran = results.filter(({ title, status }) => title === test && (status === "passed" || status === "failed"));
		return { ran: ran.length, failures: ran.flatMap(({ failureMessages = [] }) => failureMessages) };
	});
}

async function runVitest(dir: string, args: readonly string[]): Promise<Report> {
	const script = path.join(dir, "node_modules", "vitest", "vitest.mjs");
	const reporting = ["--reporter=json", `--outputFile=${REPORT}`];
	await rm(path.join(dir, REPORT), { force: true });
	const output = await new Promise<string>((resolve) => {
		const options = { cwd: dir, maxBuffer: OUTPUT_LIMIT_BYTES };
		execFile(process.execPath, [script, "run", ...reporting, ...args], options, (_, out, err) => resolve(out + err));
	});
	const text = await readFile(path.join(dir, REPORT), "utf8").catch(() => undefined);
	if (text === undefined) throw new Error(`vitest wrote no report:\n${output}`);
	return JSON.parse(text) as Report;
}
