/** Scans and messages for tests of counting: complete, plausible, and different only where a test says so. */

import type { AcceptedScan } from "../../contracts/scan.ts";
import type { ScanMessage } from "../../platform/log/message.ts";
import type { IngestPart, ReadMessage } from "../../platform/store/scan-store.ts";

export const NOON = Date.UTC(2026, 2, 14, 12, 0);

let made = 0;

/** A scan of organisation `acme`, code `poster`, at noon, by nobody known. */
export function scan(differences: Partial<AcceptedScan> = {}): AcceptedScan {
	made++;
	return {
		id: `scan-${made}`,
		organisation: "acme",
		code: "poster",
		slug: differences.code ?? "poster",
		at: NOON,
		source: "qr",
		device: "mobile",
		bot: false,
		...differences,
	};
}

/** A producer that numbers its messages and keeps running totals, as a gateway does. */
export class Producer {
	readonly name: string;
	readonly #totals = new Map<string, number>();
	#number = 0;

	constructor(name: string) {
		this.name = name;
	}

	message(scans: readonly AcceptedScan[], acceptedAt: number = NOON): ScanMessage {
		const totals = new Map<string, number>();
		for (const { organisation } of scans) {
			const total = (this.#totals.get(organisation) ?? 0) + 1;
			this.#totals.set(organisation, total);
			totals.set(organisation, total);
		}
		return {
			producer: this.name,
			number: ++this.#number,
			acceptedAt,
			totals: Object.fromEntries(totals),
			scans,
		};
	}
}

/** Messages as read from a log at the positions after `from`. */
export function read(messages: readonly ScanMessage[], from = 0): ReadMessage[] {
	return messages.map((message, index) => ({ kind: "scans", position: from + index + 1, message }));
}

export function part(messages: readonly ScanMessage[], place: Partial<IngestPart> = {}): IngestPart {
	const from = place.from ?? 0;
	return { partition: 0, claim: 1, log: "log", from, messages: read(messages, from), ...place };
}
