/**
 * Owners of partitions. A claim writes owner, a higher claim number and the owner's session into the partition's
 * document. A dead owner may have left a transaction open that holds the document for over a minute: its session is
 * ended, and the claim tried again.
 */

import type { Binary, MongoClient } from "mongodb";
import { CodedError } from "../../contracts/errors.ts";
import { isAway, isDuplicateKey, isOutOfTime } from "./mongo-errors.ts";
import type { MongoSchema, PartitionDocument } from "./mongo-schema.ts";
import { DAY_MS } from "./quarters.ts";
import type { PartitionState } from "./scan-store.ts";

/** A producer that sent nothing for so long is forgotten, as long as raw scans are kept unless configured. */
const PRODUCERS_LIVE_MS = 400 * DAY_MS;

export interface ClaimOptions {
	/**
	 * How long the document is waited for before its holder's session is ended, ms. A live owner commits within it.
	 * @defaultValue 400
	 */
	readonly patienceMs?: number;
	/**
	 * How long a claim is tried, ms.
	 * @defaultValue 5_000
	 */
	readonly tryMs?: number;
}

export async function claimPartition(
	schema: MongoSchema,
	client: MongoClient,
	partition: number,
	owner: string,
	session: Binary,
	options: ClaimOptions = {},
): Promise<PartitionDocument> {
	const { patienceMs = 400, tryMs = 5_000 } = options;
	const deadline = performance.now() + tryMs;
	for (;;) {
		const before = await schema.partitions.findOne({ _id: partition });
		try {
			const after = await schema.partitions.findOneAndUpdate(
				{ _id: partition },
				{ $set: { owner, session }, $inc: { claim: 1 }, $setOnInsert: { position: 0, committed: 0 } },
				{ upsert: true, returnDocument: "after", maxTimeMS: patienceMs },
			);
			if (after) {
				await forgetProducers(schema, after);
				return after;
			}
		} catch (error) {
			if (isOutOfTime(error)) {
				if (before && !sameSession(before.session, session)) await endSession(client, before.session);
			} else if (isAway(error) || !isDuplicateKey(error)) throw error;
		}
		if (performance.now() >= deadline)
			throw new CodedError("unavailable", `Partition ${partition} could not be claimed in ${tryMs} ms`);
	}
}

/**
 * Forgets producers that were quiet for so long that their messages are read no more. Should one be read all the same,
 * nothing is counted twice: its scans are known by their ids, or their month is closed. The one that the partition stands
 * at is kept: its message stays in the log, whatever its age. Done when a partition changes hands, because an owner
 * remembers producers, and the next one asks.
 */
async function forgetProducers(schema: MongoSchema, { _id: partition, identity }: PartitionDocument): Promise<void> {
	const at = { $lt: new Date(Date.now() - PRODUCERS_LIVE_MS) };
	const others = identity && { producer: { $ne: identity.producer } };
	await schema.producers.deleteMany({ partition, at, ...others });
}

/** Ends a session of whatever client, and with it what it left open; nothing happens when it is gone. */
export async function endSession(client: MongoClient, id: Binary): Promise<void> {
	await client.db("admin").command({ killSessions: [{ id }] });
}

export function sameSession(one: Binary, other: Binary): boolean {
	return Buffer.from(one.buffer).equals(Buffer.from(other.buffer));
}

export function toPartitionState(document: PartitionDocument): PartitionState {
	const { _id, position, identity, owner, claim } = document;
	return identity ? { partition: _id, position, identity, owner, claim } : { partition: _id, position, owner, claim };
}
