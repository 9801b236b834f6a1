/**
 * Questions to the counted scans. First it is read which months, days and hours are closed and whether anything was added to
 * them since; then, in the same snapshot, those that the plan takes, the quarter hours between them, and raw scans.
 */

import type { Document } from "mongodb";
import { AnswerSums, readsOf } from "./answers.ts";
import { type Block, SHORTEST_BLOCK_MS, united } from "./blocks.ts";
import { closedBlocks } from "./mongo-blocks.ts";
import { type Reach, reachOf, TALLY_OF_BUCKETS } from "./mongo-branches.ts";
import { answerFiltered } from "./mongo-filtered.ts";
import { idOf } from "./mongo-keys.ts";
import { answered, openBranches } from "./mongo-open.ts";
import { rollupOf, toTally } from "./mongo-rollups.ts";
import type { DayDocument, MongoSchema, MonthDocument } from "./mongo-schema.ts";
import { type Branch, inSnapshot, type Read, readIn, readSnapshot, type Snapshot } from "./mongo-snapshot.ts";
import { HOUR_MS } from "./quarters.ts";
import type { Answers, Counted, Questions, Selection } from "./scan-store.ts";
import { addValues } from "./sections.ts";

/** What is asked of less is read from raw scans sooner than it is known which days are closed. */
const SHORTEST_COLUMNS_MS = HOUR_MS;
/** The same of quarters, and hours. */
const SHORTEST_HOURS_MS = 3 * HOUR_MS;

export async function answer(
	schema: MongoSchema,
	selection: Selection,
	questions: Questions,
): Promise<Counted<Answers>> {
	const now = Date.now();
	const alone = reachOf(selection, now, questions);
	const length = selection.to - selection.from;
	if (alone.filters.length > 0 && length >= SHORTEST_COLUMNS_MS)
		return answerFiltered(schema, alone, selection, questions);
	const own = alone.of === "organisation";
	if (alone.filters.length > 0 || length < (own ? SHORTEST_HOURS_MS : SHORTEST_BLOCK_MS)) {
		const snapshot = await readSnapshot(schema, (months) => openBranches(alone, months, questions));
		return answered(new AnswerSums(questions), snapshot, alone, selection);
	}
	return inSnapshot(schema.db.client, async (reading) => {
		const read: Read = (branches) => readIn(schema, reading, branches);
		const found = await closedBlocks(read, selection.organisation, alone.plan.range, !own, now);
		// Whether they are packed, the index does not tell: nearly all are.
		let closed: readonly Block[] = found.blocks.map((block) => ({ ...block, packed: own }));
		for (;;) {
			const reach = reachOf(selection, now, questions, closed, found.quartersFrom);
			const sums = new AnswerSums(questions);
			const [{ packed, withoutCodes }, snapshot] = await Promise.all([
				addBlocks(read, sums, reach, questions),
				readOpen(read, reach, questions),
			]);
			if (reach.plan.blocks.every((block) => !block.packed || packed.has(block.name))) {
				await addCodes(read, sums, reach, withoutCodes);
				return answered(sums, snapshot, reach, selection);
			}
			// Some an earlier release closed: what else is packed is not worth another reading to know.
			closed = closed.map((block) => ({ ...block, packed: packed.has(block.name) }));
		}
	});
}

/**
 * What no closed document tells. Codes are read apart, side by side with the rest and with the closed documents, which are
 * unpacked here meanwhile: the snapshot's instant is known by now, so it is the same for all.
 */
async function readOpen(read: Read, reach: Reach, questions: Questions): Promise<Snapshot> {
	const { breakdowns = [] } = questions;
	const [codes, rest] = [
		{ breakdowns: breakdowns.filter((by) => by === "code") },
		breakdowns.filter((by) => by !== "code"),
	];
	const apart = reach.plan.buckets.length > 0 && rest.length > 0 && codes.breakdowns.length > 0;
	if (!apart) return read((months) => openBranches(reach, months, questions));
	const [one, other] = await Promise.all([
		read((months) => openBranches(reach, months, { ...questions, breakdowns: rest })),
		read((months) => openBranches(reach, months, codes)),
	]);
	return { ...one, of: (tag) => [...one.of(tag), ...other.of(tag)] };
}

/** The documents of the blocks, with what was asked for. */
function blockBranches({ organisation, of, plan: { blocks } }: Reach, questions: Questions): Branch[] {
	const { series, breakdowns = [], hoursOfWeek } = questions;
	const codes = typeof of === "string" ? [""] : of;
	const tally = { s: 1, v: 1, b: 1, capped: 1 };
	// Whatever is read of it, an object says that it is there.
	const packed: Document = { "packed.none": 1 };
	for (const by of breakdowns) packed[`packed.${by}`] = 1;
	if (readsOf(questions) === "quarters") packed["packed.quarters"] = 1;
	const plain: Document = { code: 1 };
	for (const by of breakdowns) plain[by === "code" ? "codes" : `d.${by}`] = 1;
	if (hoursOfWeek !== undefined) plain.hours = 1;
	const ofMonths = series !== undefined || hoursOfWeek !== undefined ? { days: 1 } : {};
	return (["hour", "day", "month"] as const).flatMap((kind) =>
		(["packed", "plain"] as const).flatMap((tag) => {
			const some = blocks.filter((block) => block.kind === kind && (block.packed === true) === (tag === "packed"));
			const _id = { $in: some.flatMap(({ name }) => codes.map((code) => idOf(organisation, name, code))) };
			const name = { [NAMED_BY[kind]]: 1 };
			const fields = tag === "packed" ? packed : { ...plain, ...(kind === "month" && ofMonths) };
			const pipeline = [{ $match: { _id } }, { $project: { _id: 0, ...tally, ...name, ...fields } }];
			return some.length === 0 ? [] : [{ tag, collection: `${kind}s`, pipeline }];
		}),
	);
}

interface Added {
	/** Names of those that were packed. */
	readonly packed: ReadonlySet<string>;
	/** The organisation's own that do not count its codes. */
	readonly withoutCodes: readonly Block[];
}

async function addBlocks(read: Read, sums: AnswerSums, reach: Reach, questions: Questions): Promise<Added> {
	const { blocks } = reach.plan;
	const packed = new Set<string>();
	const withoutCodes: Block[] = [];
	if (blocks.length === 0) return { packed, withoutCodes };
	const { of } = await read(() => blockBranches(reach, questions));
	const byName = new Map(blocks.map((block) => [block.name, block]));
	for (const document of of("packed") as readonly ClosedDocument[]) {
		const block = byName.get(nameOf(document)) as Block;
		if (!document.packed) continue;
		packed.add(block.name);
		sums.addPacked(block, { tally: toTally(document), capped: document.capped ?? [], packed: document.packed });
		if (!document.packed.code) withoutCodes.push(block);
	}
	for (const document of of("plain") as readonly ClosedDocument[]) {
		const block = byName.get(nameOf(document)) as Block;
		sums.addBlock(block, document.code ?? "", rollupOf(document));
		if (document.code === "" && !document.codes) withoutCodes.push(block);
	}
	return { packed, withoutCodes };
}

async function addCodes(
	read: Read,
	sums: AnswerSums,
	{ organisation }: Reach,
	blocks: readonly Block[],
): Promise<void> {
	const codes = sums.values.get("code");
	if (!codes || blocks.length === 0) return;
	const { of } = await read(() => codesOfBlocks(organisation, blocks));
	for (const tally of of("code")) addValues(codes, new Map([[String(tally._id), toTally(tally)]]));
}

type ClosedDocument = Partial<DayDocument & MonthDocument>;

const NAMED_BY = { hour: "start", day: "date", month: "month" } as const satisfies Record<Block["kind"], string>;

function nameOf({ date, month, start }: ClosedDocument): string {
	return date ?? month ?? start?.toISOString() ?? "";
}

/** All codes of the organisation in the blocks, from their own documents. */
function codesOfBlocks(organisation: string, blocks: readonly Block[]): Branch[] {
	const { hour: hours = [], ...closed } = Object.groupBy(blocks, ({ kind }) => kind);
	const ofCodes = { organisation, code: { $gt: "" } };
	const branch = (collection: string, match: Document): Branch => ({
		tag: "code",
		collection,
		pipeline: [{ $match: { ...ofCodes, ...match } }, { $group: { _id: "$code", ...TALLY_OF_BUCKETS } }],
	});
	const ranges = united(hours).map(({ from, to }) =>
		branch("quarters", { at: { $gte: new Date(from), $lt: new Date(to) } }),
	);
	return [
		...ranges,
		...(["day", "month"] as const).flatMap((kind) => {
			const names = closed[kind]?.map(({ name }) => name) ?? [];
			return names.length === 0 ? [] : [branch(`${kind}s`, { [NAMED_BY[kind]]: { $in: names } })];
		}),
	];
}
