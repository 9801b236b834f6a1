/**
 * The rules by which a client knows that it missed nothing. A message is applied only when it follows what is held; a
 * reply to a subscription says how to become whole. Pure decisions: who asks and who applies is the channel's business.
 */
import type { Place, SubscribeReply, Update } from "../../../contracts/live.ts";

/** What a message is to a client that holds a place. */
export type Verdict = "follows" | "known" | "gap";

/** Judges an update or a beat by the place held before it. */
export function judge(held: Place, message: Place & { readonly from: string }): Verdict {
	if (message.epoch !== held.epoch) return "gap";
	if (message.offset === held.offset) return "known";
	return message.from === held.offset ? "follows" : "gap";
}

export type Accepted<Data> = Extract<SubscribeReply<Data>, { ok: true }>;

/** How a reply makes the client whole: by replacing what it has, by adding to it, or not at all. */
export type Recovery<Data> =
	| { readonly kind: "replace"; readonly snapshot: Data }
	| { readonly kind: "add"; readonly updates: readonly Update<Data>[] }
	| { readonly kind: "gap" };

/**
 * Reads a reply. `asked` is the place sent as `since`, `held` the place now, which is further when updates that followed
 * arrived while the request was under way; those are not added twice.
 */
export function recoveryOf<Data>(
	reply: Accepted<Data>,
	asked: Place | undefined,
	held: Place | undefined,
): Recovery<Data> {
	if (reply.snapshot !== undefined) return { kind: "replace", snapshot: reply.snapshot };
	if (!reply.recovered || !asked || !held || held.epoch !== reply.epoch) return { kind: "gap" };
	if (held.offset === reply.offset) return { kind: "add", updates: [] };
	const missed = reply.missed ?? [];
	if (held.offset === asked.offset) return { kind: "add", updates: missed };
	const next = missed.findIndex((update) => update.from === held.offset);
	if (next >= 0) return { kind: "add", updates: missed.slice(next) };
	// What arrived meanwhile is the last of what was missed, or lies between: only the former is whole.
	return missed.at(-1)?.offset === held.offset ? { kind: "add", updates: [] } : { kind: "gap" };
}
