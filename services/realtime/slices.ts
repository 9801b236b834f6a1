/** What one commit means to each channel: a commit names codes and scans, a channel wants to know what it is to add. */

import type { Commit } from "./announcements.ts";
import type { ChannelIdentity, Slice } from "./live-channel.ts";

/**
 * Cuts a commit for the channels that are there.
 *
 * @param find the channel of a name, undefined when nobody holds it
 */
export function slicesOf<Channel>(
	{ partition, from, to, codes, feed, skipped }: Commit,
	find: (identity: ChannelIdentity) => Channel | undefined,
): Map<Channel, Slice> {
	const slices = new Map<Channel, Slice>();
	const add = (namespace: string, organisation: string, name: string, put: (slice: Slice) => void) => {
		const channel = find({ namespace, organisation, name });
		if (!channel) return;
		const slice = slices.get(channel) ?? { partition, from, to, deltas: [], scans: [], skipped: 0 };
		slices.set(channel, slice);
		put(slice);
	};
	for (const delta of codes) {
		const count = (slice: Slice) => slice.deltas.push(delta);
		add("/analytics", delta.organisation, "org", count);
		add("/analytics", delta.organisation, `code:${delta.code}`, count);
		const left = skipped[delta.code] ?? 0;
		if (left === 0) continue;
		const skip = (slice: Slice) => {
			slice.skipped += left;
		};
		add("/scans", delta.organisation, "feed", skip);
		add("/scans", delta.organisation, `feed:${delta.code}`, skip);
	}
	for (const { organisation, ...scan } of feed) {
		const show = (slice: Slice) => slice.scans.push(scan);
		add("/scans", organisation, "feed", show);
		add("/scans", organisation, `feed:${scan.code}`, show);
	}
	return slices;
}
