/*
 * `npm run chaos`: kills and stops members of the stack, or the embedded product, by a schedule that follows from a seed,
 * while scans arrive, and then proves that each was counted exactly once. Exits with 1 when anything is not as promised.
 */
import { parseArgs } from "node:util";
import type { Course } from "./chaos/one-by-one.ts";
import { type ChaosReport, described, resultOf, runChaos } from "./chaos/run.ts";

const HELP = `npm run chaos -- [options]

  --seed N       the schedule; one is chosen and printed when absent
  --minutes M    how long members are struck (1)
  --embedded     the embedded product in one process, instead of the stack
  --each         instead of a schedule: one process of each kind after the other is killed, and stopped for 9 s; says for
                 how long counting stood still
  --rolling      instead of a schedule: every process is restarted in order, one after the other
  --help         this text`;

const MINUTE_MS = 60_000;

function readOptions() {
	const { values } = parseArgs({
		options: {
			seed: { type: "string", default: String(Math.floor(Math.random() * 1e9)) },
			minutes: { type: "string", default: "1" },
			embedded: { type: "boolean", default: false },
			each: { type: "boolean", default: false },
			rolling: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
		},
	});
	const [seed, minutes] = [Number(values.seed), Number(values.minutes)];
	if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
		throw new Error(`--seed is ${JSON.stringify(values.seed)}: expected a whole number 0–4294967295`);
	if (!(minutes > 0 && minutes <= 1_440))
		throw new Error(`--minutes is ${JSON.stringify(values.minutes)}: expected a number above 0, at most 1440`);
	const { embedded, each, rolling, help } = values;
	if (Number(embedded) + Number(each) + Number(rolling) > 1)
		throw new Error("Only one of --embedded, --each and --rolling can be had at a time");
	const course: Course | undefined = each ? "each" : rolling ? "rolling" : undefined;
	return { seed, minutes, embedded, course, help };
}

function printReport(report: ChaosReport): void {
	const { strikes, trials, noticed, sent, acknowledged, hurried, refused, unanswered, countedUnacknowledged, counted } =
		report;
	if (trials.length > 0) {
		console.log("\nThe longest time in which some partition's count did not grow, and in which nobody was served:");
		for (const trial of trials) console.log(`  ${resultOf(trial)}`);
		console.log(`\nnot served by asking once more: ${noticed} requests`);
	} else console.log("\nThe schedule as it happened:");
	for (const strike of strikes) console.log(`  ${String(strike.hitMs ?? "-").padStart(7)} ms  ${described(strike)}`);
	const hit = strikes.filter(({ hitMs }) => hitMs !== undefined);
	const tally = [...Map.groupBy(hit, ({ member }) => member)].map(([member, all]) => {
		return `${member} ${byKind(all)}`;
	});
	if (hit.length > 0) console.log(`\nstrikes           ${byKind(hit)} (kills+restarts+pauses): ${tally.join(", ")}`);
	console.log(
		`scans             ${sent} sent, ${acknowledged} acknowledged, ${hurried} hurried, ${unanswered} unanswered,`,
	);
	console.log(`                  ${refused} refused, ${report.repeated} sent again after they were acknowledged`);
	console.log(`counted           ${counted}, of these ${countedUnacknowledged} without acknowledgement`);
	console.log(`lost, doubled     ${report.lost}, ${report.doubled}`);
	const { longestPauseMs, pauseEndedAtMs } = report;
	console.log(`longest pause     ${longestPauseMs} ms of a code's total on its screen, until ${pauseEndedAtMs} ms`);
	console.log(`whole again       ${report.wholeAfterMs ?? "not in time,"} ms after the last strike`);
}

function byKind(strikes: ChaosReport["strikes"]): string {
	return ["kill", "restart", "pause"].map((due) => strikes.filter(({ kind }) => kind === due).length).join("+");
}

async function main(): Promise<void> {
	const { seed, minutes, embedded, course, help } = readOptions();
	if (help) return console.log(HELP);
	const how = course ? `--${course}` : `--minutes ${minutes}${embedded ? " --embedded" : ""}`;
	const command = `npm run chaos -- --seed ${seed} ${how}`;
	console.log(command);
	const report = await runChaos({
		seed,
		durationMs: minutes * MINUTE_MS,
		...{ embedded, course },
		print: (line) => console.log(line),
	});
	printReport(report);
	if (report.violations.length === 0) return console.log("\nNo violation.");
	console.log(`\n${report.violations.length} violations (again by: ${command}; what is left: ${report.dir}):`);
	for (const violation of report.violations) console.log(`- ${violation}`);
	process.exitCode = 1;
}

try {
	await main();
} catch (error) {
	console.error(error);
	process.exitCode = 1;
}
process.exit();
