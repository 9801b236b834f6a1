/*
 * `npm run safeguards`: takes away each safeguard of counting, one at a time, in a private copy of the source, and sees
 * that the test which holds it fails, for the reason that it names. Exits with 1 when a removal went unnoticed.
 */
import { parseArgs } from "node:util";
import { copySource, type SourceCopy } from "./safeguards/copy.ts";
import type { Removal, Safeguard } from "./safeguards/safeguard.ts";
import { SAFEGUARDS } from "./safeguards/table.ts";
import { runWitnesses } from "./safeguards/witnesses.ts";

const HELP = `npm run safeguards -- [options]

  --only NAME    one safeguard only
  --list         their names, what they keep from happening, and what is taken away
  --help         this text`;

/** One safeguard in one implementation. */
interface Case extends Removal {
	readonly name: string;
}

function chosen(only: string | undefined): readonly Safeguard[] {
	if (only === undefined) return SAFEGUARDS;
	const found = SAFEGUARDS.filter(({ name }) => name === only);
	const names = SAFEGUARDS.map(({ name }) => JSON.stringify(name)).join(", ");
	if (found.length === 0) throw new Error(`--only is ${JSON.stringify(only)}: expected one of ${names}`);
	return found;
}

function list(safeguards: readonly Safeguard[]): void {
	for (const { name, protects, removals } of safeguards) {
		console.log(`${name}: ${protects}`);
		for (const { of, what, witness } of removals) console.log(`  ${of}: without ${what}, "${witness.test}" fails`);
	}
}

/** Titles of tests that do not pass as the source is, or are not there: they could witness nothing. */
async function unfit(copy: SourceCopy, cases: readonly Case[]): Promise<string[]> {
	const outcomes = await runWitnesses(
		copy.dir,
		cases.map(({ witness }) => witness),
	);
	return outcomes.flatMap(({ ran, failures }, index) => {
		const { file, test } = (cases[index] as Case).witness;
		if (ran > 0 && failures.length === 0) return [];
		return [`${file}: "${test}" ${ran === 0 ? "did not run" : `failed: ${failures[0]}`}`];
	});
}

/** What is wrong with a removal's proof, or undefined when the test failed as it must. */
async function unnoticed(copy: SourceCopy, { edit, witness }: Case): Promise<string | undefined> {
	const [outcome] = await copy.whileBroken(edit, () => runWitnesses(copy.dir, [witness]));
	if (!outcome || outcome.ran === 0) return `"${witness.test}" did not run`;
	if (outcome.failures.length === 0) return `"${witness.test}" passed all the same`;
	if (outcome.failures.some((failure) => failure.includes(witness.says))) return undefined;
	return `"${witness.test}" failed for another reason: ${outcome.failures[0]}`;
}

async function main(): Promise<number> {
	const { values } = parseArgs({
		options: { only: { type: "string" }, list: { type: "boolean" }, help: { type: "boolean" } },
	});
	if (values.help) {
		console.log(HELP);
		return 0;
	}
	const safeguards = chosen(values.only);
	if (values.list) {
		list(safeguards);
		return 0;
	}
	const cases = safeguards.flatMap(({ name, removals }) => removals.map((removal): Case => ({ name, ...removal })));
	const copy = await copySource();
	try {
		const broken = await unfit(copy, cases);
		for (const line of broken) console.log(`UNFIT  ${line}`);
		if (broken.length > 0) return 1;
		console.log(`ok     all tests pass with every safeguard in place`);
		let missed = 0;
		for (const one of cases) {
			const begun = performance.now();
			const wrong = await unnoticed(copy, one);
			const seconds = ((performance.now() - begun) / 1_000).toFixed(1);
			const what = `${one.name} (${one.of})`;
			if (wrong) missed++;
			console.log(wrong ? `MISSED ${what}: ${wrong}` : `seen   ${what}: "${one.witness.says}" (${seconds} s)`);
		}
		console.log(missed === 0 ? "Every removal was noticed." : `${missed} of ${cases.length} removals went unnoticed.`);
		return missed === 0 ? 0 : 1;
	} finally {
		await copy.remove();
	}
}

if (import.meta.main) {
	process.exitCode = await main().catch((error: Error) => {
		console.error(error.message);
		return 1;
	});
}
