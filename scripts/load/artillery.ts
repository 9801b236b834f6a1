/*
 * Artillery as a program: a package of its own in artillery/, installed when it is first needed and run by the Node that
 * runs this. What it measured is read from the JSON that it leaves.
 */
import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { startProcess } from "../servers/process.ts";
import { KEY_VARIABLE, PLAN_VARIABLE } from "./plan.ts";
import type { Scenario } from "./scenario.ts";
import type { Measured } from "./thresholds.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "artillery");
const PROGRAM = path.join(FOLDER, "node_modules", "artillery", "bin", "run");
const SHOWN_CHARACTERS = 4_000;

/** One span of a run, or all of it. */
export interface Span {
	readonly firstMetricAt?: number;
	readonly period?: string | number;
	readonly counters: Measured;
	readonly rates: Measured;
	readonly summaries: Readonly<Record<string, Measured>>;
}

export interface ArtilleryReport {
	readonly aggregate: Span;
	readonly intermediate: readonly Span[];
}

export interface ArtilleryRun {
	readonly scenario: Scenario;
	readonly target: string;
	readonly key: string;
	readonly planFile: string;
	readonly outputFile: string;
	readonly quick: boolean;
	readonly aborted: AbortSignal;
}

/** Installs Artillery from its lock file unless it is there; it needs no browser. */
export async function installArtillery(print: (line: string) => void): Promise<void> {
	if (existsSync(PROGRAM)) return;
	print("Installing Artillery (once) ...");
	const env = { ...process.env, PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD: "1" };
	await promisify(execFile)("npm", ["ci", "--prefix", FOLDER, "--no-audit", "--no-fund"], { env });
}

/** @throws Error when it measured nothing */
export async function runArtillery(run: ArtilleryRun): Promise<ArtilleryReport> {
	const { scenario, target, key, planFile, outputFile, quick, aborted } = run;
	aborted.throwIfAborted();
	const args = ["run", "--quiet", "--target", target, "--output", outputFile, ...(quick ? ["-e", "quick"] : [])];
	// It does not compact its heap, which is large, only to give memory back: it would take both cores from what is measured.
	const artillery = startProcess({
		command: process.execPath,
		args: ["--no-memory-reducer", PROGRAM, ...args, scenario.file],
		env: {
			...process.env,
			...{ [PLAN_VARIABLE]: planFile, [KEY_VARIABLE]: key, ARTILLERY_DISABLE_TELEMETRY: "true" },
			// The runner judges these and more, in one place.
			ARTILLERY_DISABLE_ENSURE: "true",
		},
		turn: scenario.turn,
	});
	artillery.onLine((line) => console.log(line));
	const abort = () => void artillery.kill();
	aborted.addEventListener("abort", abort);
	const { code } = await artillery.exited;
	aborted.removeEventListener("abort", abort);
	aborted.throwIfAborted();
	if (code !== 0 || !existsSync(outputFile)) {
		throw new Error(`Artillery ended with code ${code}:\n${artillery.output().slice(-SHOWN_CHARACTERS)}`);
	}
	return JSON.parse(readFileSync(outputFile, "utf8")) as ArtilleryReport;
}

/** Every figure of a span by name: counters and rates as they are, summaries as `name.p99`. */
export function figuresOf({ counters, rates, summaries }: Span): Measured {
	const parts = Object.entries(summaries).flatMap(([name, values]) =>
		Object.entries(values).map(([part, value]): [string, number] => [`${name}.${part}`, value]),
	);
	return { ...counters, ...rates, ...Object.fromEntries(parts) };
}
