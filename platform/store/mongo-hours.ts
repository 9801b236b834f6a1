/**
 * Hours of the open day: packed from their quarters as days are, so that a screen reads a document an hour instead of one of
 * every code a quarter hour. They are hours of UTC, whatever the organisation's zone, and each says at which revision it was
 * folded: one that a scan was added to since is not read, until it is written anew.
 */

import type { MongoClient } from "mongodb";
import { addTally, emptyTally, type Tally } from "./bucket.ts";
import { readRevision } from "./mongo-closed.ts";
import { idOf } from "./mongo-keys.ts";
import { type FencedWrites, readQuartersFrom } from "./mongo-months.ts";
import { Revised, revisedPipeline } from "./mongo-revised.ts";
import { quarterOf, toShort, toTally } from "./mongo-rollups.ts";
import type { HourDocument, MongoSchema, RevisionDocument } from "./mongo-schema.ts";
import { inSnapshot, readSnapshot, type SnapshotReading } from "./mongo-snapshot.ts";
import { pack } from "./packed.ts";
import { firstInstant, HOUR_MS, QUARTER_MS } from "./quarters.ts";
import { RollupFold } from "./rollup.ts";
import type { HoursToClose } from "./scan-store.ts";
import type { Range } from "./sections.ts";

/** What the index tells of a written hour. */
export const HOUR_HEAD = { $project: { start: 1, end: 1, revision: 1 } };

/** @throws `lease_lost` when a newer holder of the lease has written. */
export async function closeHours(
	schema: MongoSchema,
	client: MongoClient,
	writes: FencedWrites,
	asked: HoursToClose,
): Promise<{ readonly hours: number }> {
	const { organisation, lease } = asked;
	const open = await openHours(schema, asked);
	for (const hour of open) {
		const document = await inSnapshot(client, (reading) => foldHour(schema, reading, organisation, hour));
		const { _id, ...replacement } = document;
		await writes.run(lease, async (session) => {
			await schema.hours.replaceOne({ _id }, replacement, { session, upsert: true });
		});
	}
	return { hours: open.length };
}

/** Those that are not written as far as they have passed, or were added to since. */
async function openHours(schema: MongoSchema, { organisation, from, to, fewest }: HoursToClose): Promise<Range[]> {
	const begin = firstInstant(Math.max(from, await readQuartersFrom(schema)), HOUR_MS);
	const range = { from: begin, to: firstInstant(to, QUARTER_MS) };
	if (range.from >= range.to) return [];
	const start = { $gte: new Date(range.from), $lt: new Date(range.to) };
	const { of } = await readSnapshot(schema, () => [
		{ tag: "hour", collection: "hours", pipeline: [{ $match: { organisation, start } }, HOUR_HEAD] },
		{ tag: "revised", collection: "revisions", pipeline: revisedPipeline(organisation, range) },
	]);
	const revised = new Revised(range, of("revised") as RevisionDocument[]);
	if ((revised.of(range) ?? 0) < fewest) return [];
	const written = new Map((of("hour") as HourDocument[]).map((hour) => [hour.start.getTime(), hour]));
	const open: Range[] = [];
	for (let at = range.from; at < range.to; at += HOUR_MS) {
		const hour = { from: at, to: Math.min(at + HOUR_MS, range.to) };
		const head = written.get(at);
		const end = head?.end.getTime() ?? 0;
		const isWritten = end >= hour.to && revised.of({ from: at, to: end }) === head?.revision;
		// Also one without scans: between blocks that follow each other nothing is left to read.
		if (!isWritten) open.push(hour);
	}
	return open;
}

async function foldHour(
	schema: MongoSchema,
	reading: SnapshotReading,
	organisation: string,
	{ from, to }: Range,
): Promise<HourDocument> {
	const revision = await readRevision(schema, reading, organisation, { from, to });
	const fold = RollupFold.day("organisation");
	const at = { $gte: new Date(from), $lt: new Date(to) };
	for await (const quarter of schema.quarters.find({ organisation, code: "", at }, reading))
		fold.addQuarter(quarterOf(quarter), quarter.at.getTime(), 0);
	const counts = { _id: 0, code: 1, s: 1, v: 1, b: 1 } as const;
	const quarters = schema.quarters
		.find({ organisation, code: { $gt: "" }, at }, { ...reading, projection: counts })
		.sort({ organisation: 1, code: 1, at: 1 });
	let current: { readonly code: string; readonly tally: Tally } | undefined;
	for await (const quarter of quarters) {
		if (current?.code !== quarter.code) {
			if (current) fold.addCode(current.code, current.tally);
			current = { code: quarter.code, tally: emptyTally() };
		}
		addTally(current.tally, toTally(quarter));
	}
	if (current) fold.addCode(current.code, current.tally);
	const rollup = fold.rollup();
	const start = new Date(from);
	return {
		_id: idOf(organisation, start.toISOString(), ""),
		...{ organisation, start, end: new Date(to), revision, capped: rollup.capped, written: new Date() },
		...toShort(rollup.tally),
		packed: pack(rollup, from) ?? {},
	};
}
