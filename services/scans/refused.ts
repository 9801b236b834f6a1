/**
 * Finds the scans of one message that nothing can store, by trying the message without some of them: halves that can be
 * stored are innocent, the others are halved again. A message of n scans with one culprit takes about 2 log2 n trials.
 */

import { codeOf } from "../../contracts/errors.ts";
import type { IngestPart } from "../../platform/store/scan-store.ts";

/**
 * @param part a part with a single message that cannot be ingested
 * @param rehearse ingests a part and takes it back; fails as `ingest` does
 * @returns reasons by scan id, empty when the message has no scans of its own to blame
 * @throws `unavailable` and `claim_lost` as they come
 */
export async function findRefused(
	part: IngestPart,
	rehearse: (trial: IngestPart) => Promise<void>,
): Promise<Record<string, string>> {
	const message = part.messages[0];
	if (message?.kind !== "scans") return {};
	const all = message.message.scans.map((scan) => scan.id);
	const refused: Record<string, string> = {};
	const suspects: string[][] = [all];
	for (let ids = suspects.pop(); ids; ids = suspects.pop()) {
		const reason = await failure(part, all, ids, rehearse);
		if (reason === undefined) continue;
		const half = Math.ceil(ids.length / 2);
		if (ids.length > 1) suspects.push(ids.slice(half), ids.slice(0, half));
		else if (ids[0] !== undefined) refused[ids[0]] = reason;
	}
	return refused;
}

/** Why `ids` cannot be stored when all others are left out, or undefined when they can. */
async function failure(
	part: IngestPart,
	all: readonly string[],
	ids: readonly string[],
	rehearse: (trial: IngestPart) => Promise<void>,
): Promise<string | undefined> {
	const kept = new Set(ids);
	const others = all.filter((id) => !kept.has(id));
	try {
		await rehearse({ ...part, refused: Object.fromEntries(others.map((id) => [id, "rehearsal"])) });
		return undefined;
	} catch (error) {
		const code = codeOf(error);
		if (code === "unavailable" || code === "claim_lost") throw error;
		return error instanceof Error ? error.message : String(error);
	}
}
