import { expect, test } from "vitest";
import type { Trial } from "../../scripts/chaos/one-by-one.ts";
import { resultOf, runChaos } from "../../scripts/chaos/run.ts";

/** Those that counting needs, beside what stack-kills.test.ts kills; `npm run chaos -- --each` strikes all. */
const STRUCK = ["scans-1 kill", "scans-1 pause", "gateway-1 pause", "nats pause", "mongo kill", "mongo pause"];
const only = ({ member, kind }: Trial) => STRUCK.includes(`${member} ${kind}`);

test("whoever counting needs is killed, or stands still for 9 s: counting goes on within 5 s and ends exact", {
	timeout: 300_000,
}, async () => {
	const story: string[] = [];
	const print = (line: string) => void story.push(line);
	const report = await runChaos({ seed: 1, durationMs: 0, embedded: false, course: "each", only, print });
	expect(report.violations, `what is left is in ${report.dir}\n${story.join("\n")}\n`).toEqual([]);
	expect(report.trials).toHaveLength(STRUCK.length);
	expect(report).toMatchObject({ lost: 0, doubled: 0 });
	expect(report.acknowledged).toBeGreaterThan(1_000);
	console.info(report.trials.map(resultOf).join("\n"));
});
