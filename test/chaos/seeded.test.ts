import { expect, test } from "vitest";
import { type ChaosReport, runChaos } from "../../scripts/chaos/run.ts";

/** Another schedule each time; the command that replays it is printed before anything happens. */
const SEED = Math.floor(Math.random() * 1e9);

async function run(embedded: boolean, minutes: number): Promise<ChaosReport> {
	const again = `npm run chaos -- --seed ${SEED} --minutes ${minutes}${embedded ? " --embedded" : ""}`;
	console.log(`This run again: ${again}`);
	const lines: string[] = [];
	const report = await runChaos({
		...{ seed: SEED, durationMs: minutes * 60_000, embedded },
		print: (line) => lines.push(line),
	});
	const story = `${again}\nwhat is left is in ${report.dir}\n${lines.join("\n")}\n`;
	expect(report.violations, story).toEqual([]);
	return report;
}

test("the stack: whichever members are killed and stopped, every acknowledged scan is counted once and every screen is right", {
	timeout: 180_000,
}, async () => {
	const { strikes, acknowledged, counted } = await run(false, 0.9);
	expect(strikes.length).toBeGreaterThan(10);
	expect(acknowledged).toBeGreaterThan(1_000);
	expect(counted).toBeGreaterThanOrEqual(acknowledged);
});

test("embedded: however often the process is killed, every acknowledged scan is counted once and every screen is right", {
	timeout: 120_000,
}, async () => {
	// Long enough for four strikes when each is the longest pause, which one member alone has to come back from.
	const { strikes, acknowledged, counted } = await run(true, 0.6);
	expect(strikes.length).toBeGreaterThan(3);
	expect(acknowledged).toBeGreaterThan(300);
	expect(counted).toBeGreaterThanOrEqual(acknowledged);
});
