import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../platform/config.ts";
import * as processor from "../../scripts/load/processor.ts";
import { readScenario, scenarioNames } from "../../scripts/load/scenario.ts";
import { shown } from "../../scripts/load/thresholds.ts";

const ARTILLERY = path.join(import.meta.dirname, "..", "..", "artillery");
const NOTHING_LOST = [
	...["ledger.missing == 0", "ledger.unbalanced == 0", "ledger.unaccounted == 0"],
	...["scans.lost == 0", "scans.too_many == 0"],
];
const SCREENS = ["update_ms.p99 < 100", "connections.most >= 1000", "updates.not_seen == 0", "cache.percent > 90"];

const promises = (name: string) => readScenario(name).thresholds.map(shown);

test("there is a load for scans, redirects, dashboards, all at once, a spike, and a long one", () => {
	expect(scenarioNames().toSorted()).toEqual(["dashboards", "mix", "redirects", "scans", "soak", "spike"]);
});

test.for(scenarioNames())("%s promises that nothing is lost and nothing is answered with an error", (name) => {
	expect(promises(name)).toEqual(expect.arrayContaining([...NOTHING_LOST, "answers.forbidden == 0"]));
});

test.for(["dashboards", "mix", "soak"])("%s promises what screens are promised, to a thousand of them", (name) => {
	expect(promises(name)).toEqual(expect.arrayContaining(SCREENS));
	expect(readScenario(name).watchedCodes).toBeGreaterThan(1_000);
});

test("the spike promises that served requests stay quick, that phones are never refused, and that all is soon as before", () => {
	expect(promises("spike")).toEqual(
		expect.arrayContaining(["spike.slowdown_percent <= 200", "spike.recovery_seconds <= 10", "redirects.refused == 0"]),
	);
});

test.for(scenarioNames())("%s names functions and variables that exist, and has a short form", async (name) => {
	const { file, env } = readScenario(name);
	const text = await readFile(file, "utf8");
	const functions = [...text.matchAll(/(?:function|beforeRequest|afterResponse|beforeScenario): (\w+)/g)];
	expect(functions.length).toBeGreaterThan(0);
	for (const [, called] of functions) expect(processor).toHaveProperty(called as string);
	expect(() => readConfig(env)).not.toThrow();
	const { config } = parse(text) as { config: { processor: string; environments: { quick: { phases: unknown[] } } } };
	expect(config.environments.quick.phases.length).toBeGreaterThan(0);
	expect(path.resolve(path.dirname(file), config.processor)).toBe(path.join(ARTILLERY, "processor.mjs"));
});

test("Artillery is pinned, with a lock file of its own that names no registry", async () => {
	const manifest = JSON.parse(await readFile(path.join(ARTILLERY, "package.json"), "utf8"));
	expect(manifest.dependencies.artillery).toMatch(/^\d+\.\d+\.\d+$/);
	const lock = await readFile(path.join(ARTILLERY, "package-lock.json"), "utf8");
	expect(JSON.parse(lock).packages["node_modules/artillery"].version).toBe(manifest.dependencies.artillery);
	expect(lock).not.toContain('"resolved": "http');
});

test("a load that does not exist is refused with those that do", () => {
	expect(() => readScenario("everything")).toThrow(/dashboards, mix, redirects, scans, soak, spike|expected one of/);
});
