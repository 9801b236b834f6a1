/*
 * A scenario as the runner reads it: Artillery's own file, with what the runner prepares and judges under
 * `config.scanpulse`, which Artillery leaves alone.
 */
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { TURNS, type Turn } from "../servers/yielding.ts";
import { readThreshold, type Threshold } from "./thresholds.ts";

const FOLDER = path.join(import.meta.dirname, "..", "..", "artillery", "scenarios");

const file = z.object({
	config: z.object({
		ensure: z.object({ conditions: z.array(z.object({ expression: z.string() })) }),
		scanpulse: z.strictObject({
			busyCodes: z.int(),
			watchedCodes: z.int(),
			env: z.record(z.string(), z.string()).default({}),
			turn: z.enum(TURNS).default("second"),
			afterwards: z.array(z.string()),
		}),
		environments: z.object({ quick: z.object({}) }),
	}),
	scenarios: z.array(z.object({ name: z.string() })).min(1),
});

export interface Scenario {
	readonly name: string;
	readonly file: string;
	/** Its first line. */
	readonly about: string;
	/** Codes that anybody scans, and codes that belong to one screen each. */
	readonly busyCodes: number;
	readonly watchedCodes: number;
	/** Variables of the stack that is started for it. */
	readonly env: Readonly<Record<string, string>>;
	/** The load leaves the processor to what phones wait for, as people elsewhere would; or it is sent whatever comes. */
	readonly turn: Turn;
	readonly thresholds: readonly Threshold[];
}

export function scenarioNames(): string[] {
	return readdirSync(FOLDER).map((name) => path.basename(name, ".yml"));
}

/** @throws Error when there is none of that name, or its file is not one */
export function readScenario(name: string): Scenario {
	if (!scenarioNames().includes(name)) {
		throw new Error(`There is no scenario ${JSON.stringify(name)}: expected one of ${scenarioNames().join(", ")}`);
	}
	const place = path.join(FOLDER, `${name}.yml`);
	const text = readFileSync(place, "utf8");
	const { ensure, scanpulse } = file.parse(parse(text)).config;
	const { afterwards, ...prepared } = scanpulse;
	const promises = [...ensure.conditions.map(({ expression }) => expression), ...afterwards];
	const about = (text.split("\n")[0] as string).replace(/^# /, "");
	return { name, file: place, about, ...prepared, thresholds: promises.map(readThreshold) };
}
