/**
 * Where to read a partition from. The store remembers which message it applied last, not only its position: a log that
 * lost its end (or was replaced) has another message there, or none, and is then read from its first message. Producers'
 * numbers and scan ids make reading again safe.
 */

import type { Position } from "../../contracts/events.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { decodeMessage } from "../../platform/log/message.ts";
import type { MessageIdentity, PartitionState } from "../../platform/store/scan-store.ts";

export interface StartingPoint {
	readonly after: Position;
	/** True when the log is not the one that the position was taken in, or lost what stood there. */
	readonly rewound: boolean;
}

export async function startingPoint(log: EventLog, state: PartitionState): Promise<StartingPoint> {
	if (state.position === 0 || !state.identity) return { after: 0, rewound: false };
	if (state.identity.log === log.id) {
		const message = await log.at(state.partition, state.position);
		if (message && isSame(state.identity, message.data)) return { after: state.position, rewound: false };
	}
	return { after: 0, rewound: true };
}

function isSame(identity: MessageIdentity, data: Uint8Array): boolean {
	const decoded = decodeMessage(data);
	// A malformed message was applied as a dead letter under an empty producer: it has no number to compare.
	if (decoded.kind === "malformed") return identity.producer === "";
	return (
		decoded.kind === "scans" &&
		decoded.message.producer === identity.producer &&
		decoded.message.number === identity.number
	);
}
