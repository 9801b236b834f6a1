/** The messages of one endless log, known by their position, so that several processes can read the same ones. */

import type { ScanMessage } from "../../platform/log/message.ts";
import { NOON, scan } from "./scans.ts";

/** Scans of each message. */
export const SCANS_PER_MESSAGE = 20;
const VISITORS = 500;

export function messageAt(position: number): ScanMessage {
	const scans = Array.from({ length: SCANS_PER_MESSAGE }, (_, index) => {
		const n = position * SCANS_PER_MESSAGE + index;
		return scan({ id: `scan-${n}`, code: `code-${n % 7}`, country: `C${n % 11}`, visitor: `v${n % VISITORS}` });
	});
	const totals = { acme: position * SCANS_PER_MESSAGE };
	return { producer: "gateway", number: position, acceptedAt: NOON, totals, scans };
}
