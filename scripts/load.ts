/*
 * `npm run load -- NAME`: puts one of the loads in artillery/scenarios on the stack, or on an address that is given, holds
 * what was measured against what the scenario promises, and leaves a page about it. Ends with 1 when a promise is broken.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { lookAfterwards } from "./load/afterwards.ts";
import { figuresOf, installArtillery, runArtillery } from "./load/artillery.ts";
import { watchDisk } from "./load/disk.ts";
import { makeCodes, openPlace } from "./load/place.ts";
import type { LoadPlan, Seconds } from "./load/plan.ts";
import { reportPage } from "./load/report.ts";
import { readScenario, type Scenario, scenarioNames } from "./load/scenario.ts";
import { type Judged, judge, type Measured, readThreshold, shown } from "./load/thresholds.ts";

const REPORTS = path.join(import.meta.dirname, "..", "artillery", "reports");

/** Promised of each stack that is started: nobody is killed here, so a process that died did so of the load. */
const NOBODY_DIES = readThreshold("stack.deaths == 0");

const HELP = `npm run load -- NAME [options]

${scenarioNames()
	.map((name) => `  ${name.padEnd(14)}${readScenario(name).about}`)
	.join("\n")}

  --target URL --key KEY   an address to load, and an API key with every scope; without them a stack is started
  --quick                  a short form
  --env NAME=VALUE         a variable for the stack that is started; repeatable
  --ensure 'KEY<VALUE'     one more promise (<, <=, >, >=, ==); repeatable
  --report FILE            where the page goes (artillery/reports/NAME.html)
  --help                   this text`;

function readOptions() {
	const { values, positionals } = parseArgs({
		allowPositionals: true,
		options: {
			target: { type: "string" },
			key: { type: "string" },
			quick: { type: "boolean", default: false },
			env: { type: "string", multiple: true, default: [] },
			ensure: { type: "string", multiple: true, default: [] },
			report: { type: "string" },
			help: { type: "boolean", default: false },
		},
	});
	if (values.help || positionals.length !== 1) return undefined;
	const env = Object.fromEntries(values.env.map((pair) => pair.split("=", 2) as [string, string]));
	return { ...values, env, scenario: readScenario(positionals[0] as string), more: values.ensure.map(readThreshold) };
}

type Options = NonNullable<ReturnType<typeof readOptions>>;

async function run(options: Options, aborted: AbortSignal): Promise<readonly Judged[]> {
	const { scenario, quick, more } = options;
	await installArtillery((line) => console.log(line));
	const dir = await mkdtemp(path.join(tmpdir(), "scanpulse-load-run-"));
	console.log(`${scenario.name}: ${scenario.about}`);
	const env = { ...scenario.env, ...options.env };
	const place = await openPlace({ target: options.target, key: options.key, env, aborted });
	try {
		const codes = await makeCodes(place, scenario.busyCodes + scenario.watchedCodes);
		const planFile = path.join(dir, "plan.json");
		const { url, realtimeUrl, key } = place;
		const plan: LoadPlan = {
			...{ url, realtimeUrl, key },
			...{ busy: codes.slice(0, scenario.busyCodes), watched: codes.slice(scenario.busyCodes) },
			secondsFile: path.join(dir, "seconds.json"),
		};
		await writeFile(planFile, JSON.stringify(plan));
		const outputFile = path.join(dir, "artillery.json");
		const startedAt = new Date();
		const disk = place.own && (await watchDisk(place.own.dir));
		const report = await runArtillery({ scenario, target: url, key, planFile, outputFile, quick, aborted });
		const synced = await disk?.();
		const ran = figuresOf(report.aggregate);
		const own: Measured | undefined = place.own && { "stack.deaths": place.own.deaths(), ...synced };
		const measured = { ...ran, ...(await lookAfterwards(place, codes, ran)), ...own };
		const judged = judge([...scenario.thresholds, ...(own ? [NOBODY_DIES] : []), ...more], measured);
		const seconds = await readFile(plan.secondsFile, "utf8").then(
			(text) => JSON.parse(text) as Seconds,
			() => undefined,
		);
		const file = path.resolve(options.report ?? path.join(REPORTS, `${scenario.name}.html`));
		await mkdir(path.dirname(file), { recursive: true });
		const command = commandOf(options, scenario);
		await writeFile(file, reportPage({ scenario, command, startedAt, judged, measured, report, seconds }));
		console.log(`report ${file}`);
		if (synced) {
			const [median, slow, longest] = Object.values(synced).map((ms) => ms.toFixed(1));
			console.log(`disk   a sync of 4 KiB beside the data took p50 ${median}, p99 ${slow}, at most ${longest} ms`);
		}
		return judged;
	} finally {
		await place.close();
		await rm(dir, { recursive: true, force: true });
	}
}

function commandOf({ quick, target, ensure }: Options, { name }: Scenario): string {
	const given = [target && `--target ${target}`, quick && "--quick", ...ensure.map((text) => `--ensure '${text}'`)];
	return ["npm run load --", name, ...given.filter(Boolean)].join(" ");
}

try {
	const options = readOptions();
	if (!options) {
		console.log(HELP);
		process.exit(process.argv.includes("--help") ? 0 : 1);
	}
	const stop = new AbortController();
	for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => stop.abort(new Error("told to stop")));
	const judged = await run(options, stop.signal);
	for (const one of judged) {
		const value = one.measured === undefined ? "nothing measured" : Number(one.measured.toFixed(2));
		console.log(`${one.holds ? "holds " : "BROKEN"} ${shown(one).padEnd(40)} ${value}`);
	}
	const broken = judged.filter(({ holds }) => !holds);
	console.log(broken.length === 0 ? "All thresholds hold." : `Broken: ${broken.map(shown).join("; ")}.`);
	process.exit(broken.length === 0 ? 0 : 1);
} catch (error) {
	console.error(error instanceof Error ? error.message : error);
	process.exit(1);
}
