/**
 * Fences: what is written under a lease is refused once a newer holder of the lease has written. The document that tells
 * is written in the same transaction, so that a holder who only seems to hold the lease meets the one who does.
 */

import type { Binary, ClientSession, MongoClient } from "mongodb";
import { CodedError } from "../../contracts/errors.ts";
import { endSession, sameSession } from "./mongo-claims.ts";
import { isDuplicateKey, isOutOfTime } from "./mongo-errors.ts";
import type { MongoSchema } from "./mongo-schema.ts";
import type { DayToClose } from "./scan-store.ts";

const FENCE_PATIENCE_MS = 400;

/** Outside the transaction: an older holder is refused, and what a dead one left open is ended. */
export async function raiseFence(
	schema: MongoSchema,
	client: MongoClient,
	{ name, fence }: DayToClose["lease"],
	session: Binary,
) {
	const before = await schema.fences.findOne({ _id: name });
	if (before && before.fence > fence) throw lost(name, fence);
	if (before && !sameSession(before.session, session)) await endSession(client, before.session);
	try {
		await schema.fences.updateOne(
			{ _id: name, fence: { $lte: fence } },
			{ $set: { fence, session }, $inc: { writes: 1 } },
			{ upsert: true, maxTimeMS: FENCE_PATIENCE_MS },
		);
	} catch (error) {
		if (isDuplicateKey(error)) throw lost(name, fence);
		if (!isOutOfTime(error)) throw error;
		throw new CodedError("unavailable", `Lease ${name} is being written by another holder`, { retryAfterMs: 1_000 });
	}
}

/** In the transaction, last: it stands or falls with nobody newer having written. */
export async function passFence(schema: MongoSchema, session: ClientSession, { name, fence }: DayToClose["lease"]) {
	const { matchedCount } = await schema.fences.updateOne({ _id: name, fence }, { $inc: { writes: 1 } }, { session });
	if (matchedCount === 0) throw lost(name, fence);
}

function lost(name: string, fence: number): CodedError {
	return new CodedError("lease_lost", `Another holder has the lease ${name}, newer than ${fence}`);
}
