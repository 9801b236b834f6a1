/**
 * Taking a lease in MongoDB. The server's clock decides in one statement who has it. A holder that was killed in the middle
 * of a change leaves a transaction that keeps the lease's document locked for over a minute; who takes over ends it.
 */

import type { Binary, Collection, MongoClient } from "mongodb";
import { CodedError } from "../../contracts/errors.ts";
import { endSession, sameSession } from "../store/mongo-claims.ts";
import { isDuplicateKey, isOutOfTime } from "../store/mongo-errors.ts";
import type { Lease } from "./records.ts";

/** How long a change under way of another holder is waited for, ms. */
const PATIENCE_MS = 500;
const TRIES = 3;

export interface LeaseDocument {
	readonly _id: string;
	/** Empty when it was given back. */
	readonly holder: string;
	readonly fence: number;
	readonly expiresAt: Date;
	/** The session in which its holder changes what stands under the lease. */
	readonly session: Binary;
	readonly writes?: number;
}

interface Wanted {
	readonly name: string;
	readonly holder: string;
	readonly ttlMs: number;
}

/** Acquires or renews; null when another holder has it. */
export async function acquireLease(
	client: MongoClient,
	leases: Collection<LeaseDocument>,
	session: Binary,
	{ name, holder, ttlMs }: Wanted,
): Promise<Lease | null> {
	const mine = { $eq: ["$holder", { $literal: holder }] };
	const free = { $lte: [{ $ifNull: ["$expiresAt", new Date(0)] }, "$$NOW"] };
	const take = { $or: [mine, free] };
	const update = [
		{
			$set: {
				holder: { $cond: [take, { $literal: holder }, "$holder"] },
				fence: { $cond: [mine, "$fence", { $cond: [free, { $add: [{ $ifNull: ["$fence", 0] }, 1] }, "$fence"] }] },
				expiresAt: { $cond: [take, { $add: ["$$NOW", ttlMs] }, "$expiresAt"] },
				session: { $cond: [take, session, "$session"] },
			},
		},
	];
	for (let attempt = 1; ; attempt++) {
		try {
			const options = { upsert: true, returnDocument: "after", maxTimeMS: PATIENCE_MS } as const;
			const lease = await leases.findOneAndUpdate({ _id: name }, update, options);
			return lease?.holder === holder ? { name, holder, fence: lease.fence } : null;
		} catch (error) {
			const locked = isOutOfTime(error);
			if (!locked && !isDuplicateKey(error)) throw error;
			if (attempt === TRIES)
				throw new CodedError("unavailable", `The lease ${name} is being written by another holder`);
			if (locked) await endLostHolder(client, leases, name, session);
		}
	}
}

/** Ends what a holder whose time is over left open. */
async function endLostHolder(
	client: MongoClient,
	leases: Collection<LeaseDocument>,
	name: string,
	own: Binary,
): Promise<void> {
	const over = await leases.findOne({ _id: name, $expr: { $lte: ["$expiresAt", "$$NOW"] } });
	if (over && !sameSession(over.session, own)) await endSession(client, over.session);
}
