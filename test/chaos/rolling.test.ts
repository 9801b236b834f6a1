import { expect, test } from "vitest";
import { resultOf, runChaos } from "../../scripts/chaos/run.ts";

test("every process restarted in order, one after the other, under load: nobody has to ask a third time, counting pauses for less than 2 s and ends exact", {
	timeout: 300_000,
}, async () => {
	const story: string[] = [];
	const print = (line: string) => void story.push(line);
	const report = await runChaos({ seed: 1, durationMs: 0, embedded: false, course: "rolling", print });
	expect(report.violations, `what is left is in ${report.dir}\n${story.join("\n")}\n`).toEqual([]);
	expect(report.trials).toHaveLength(11);
	expect(report).toMatchObject({ noticed: 0, unanswered: 0, lost: 0, doubled: 0 });
	expect(report.acknowledged).toBeGreaterThan(1_000);
	console.info(report.trials.map(resultOf).join("\n"));
});
