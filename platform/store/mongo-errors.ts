/**
 * What a failure of MongoDB means to a caller: the store is away (the same may be tried again later), a transaction met
 * another one (it is tried again here, for a bounded time), or the failure is a lasting one.
 */

import {
	MongoBulkWriteError,
	MongoError,
	MongoErrorLabel,
	MongoNetworkError,
	MongoServerSelectionError,
} from "mongodb";
import { CodedError, codeOf } from "../../contracts/errors.ts";

/** Answers of a server that cannot serve now: shutting down, no primary, out of time. */
const AWAY_CODES = new Set([
	6, 7, 50, 64, 89, 91, 100, 189, 262, 358, 9001, 10_058, 10_107, 11_600, 11_602, 13_435, 13_436,
]);
/** Pool and topology failures that share no class: names as the driver gives them. */
const AWAY_NAMES = new Set([
	"MongoPoolClearedError",
	"MongoPoolClosedError",
	"MongoWaitQueueTimeoutError",
	"MongoTopologyClosedError",
	"MongoNotConnectedError",
	"MongoClientClosedError",
	"MongoOperationTimeoutError",
]);
const DUPLICATE_KEY = 11_000;
const INTERRUPTED = 11_601;
const MAX_TIME_EXPIRED = 50;
const INDEX_BEING_BUILT = 12_587;
const SNAPSHOT_UNAVAILABLE = 246;
const SNAPSHOT_TOO_OLD = 239;

function numericCode(error: unknown): number | undefined {
	const code = (error as { code?: unknown } | null)?.code;
	return typeof code === "number" ? code : undefined;
}

function hasLabel(error: unknown, label: string): boolean {
	return error instanceof MongoError && error.hasErrorLabel(label);
}

/** The server cannot be reached or cannot serve now; nothing is wrong with what was asked. */
export function isAway(error: unknown): boolean {
	if (codeOf(error) === "unavailable") return true;
	if (error instanceof MongoNetworkError || error instanceof MongoServerSelectionError) return true;
	if (error instanceof MongoError && AWAY_NAMES.has(error.name)) return true;
	const code = numericCode(error);
	if (code !== undefined && AWAY_CODES.has(code)) return true;
	// A bulk write hands on what stopped it inside of an error of its own.
	const inner = error instanceof MongoBulkWriteError ? error.errorResponse : undefined;
	return inner instanceof Error && isAway(inner);
}

/** The transaction met another one or was ended from outside: begun again, it may succeed. */
export function isTransient(error: unknown): boolean {
	if (isAway(error)) return false;
	return hasLabel(error, MongoErrorLabel.TransientTransactionError) || numericCode(error) === INTERRUPTED;
}

/** Nobody knows whether the commit happened; committing again tells. */
export function isCommitUnknown(error: unknown): boolean {
	return hasLabel(error, MongoErrorLabel.UnknownTransactionCommitResult);
}

export function isDuplicateKey(error: unknown): boolean {
	return numericCode(error) === DUPLICATE_KEY;
}

/** An operation ran into its `maxTimeMS`. */
export function isOutOfTime(error: unknown): boolean {
	return numericCode(error) === MAX_TIME_EXPIRED;
}

/** An index of the collection is being built, by whoever: it cannot be changed until that is done. */
export function isIndexBeingBuilt(error: unknown): boolean {
	return numericCode(error) === INDEX_BEING_BUILT;
}

/** A collection was made so recently that the snapshot lies before it; a later snapshot will do. */
export function isSnapshotGone(error: unknown): boolean {
	const code = numericCode(error);
	return code === SNAPSHOT_UNAVAILABLE || code === SNAPSHOT_TOO_OLD;
}

/**
 * The error that a caller sees: `unavailable` for a store that is away, and for a transaction that met others until its
 * time was up (as after its process stood still), because nothing is wrong with what was asked; all else as it is.
 */
export function storeError(error: unknown): unknown {
	if (codeOf(error) !== undefined) return error;
	const { message } = error as Error;
	const later = (what: string) => new CodedError("unavailable", `${what}: ${message}`, { retryAfterMs: 1_000 });
	if (isAway(error)) return later("MongoDB is away");
	if (isTransient(error) || isCommitUnknown(error)) return later("The transaction did not come to its end");
	return error;
}
