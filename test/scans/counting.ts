/** The scans actor on a real store, reading a log that its test holds in hand, and what it has counted. */

import type { ServiceSchema } from "moleculer";
import { expect } from "vitest";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import scans from "../../services/scans/scans.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";
import { until } from "../harness/product.ts";
import { type Producer, scan } from "../store/scans.ts";
import { selection } from "../store/suite/with-store.ts";

export interface Counting {
	readonly actor: RunningActor;
	readonly store: ScanStore;
	/** Waits until a scan was counted. */
	counted(id: string): Promise<void>;
}

/**
 * Starts counting.
 *
 * @param env of the store: `DATA_DIR` or `MONGO_URL`, and `NODE_ID` where several share one
 */
export async function startCounting(log: EventLog, env: Readonly<Record<string, string>>): Promise<Counting> {
	const counting = (platform: Parameters<typeof scans>[0]) =>
		scans({ ...platform, log: async () => log }) as unknown as ServiceSchema;
	const actor = await runActor(counting, { env });
	const store = await actor.platform.store();
	return {
		actor,
		store,
		async counted(id) {
			const newest = async () => (await store.recent({ organisation: "acme", limit: 100 })).value;
			await until(async () => (await newest()).some((scan) => scan.id === id), { what: `scan ${id} to be counted` });
		},
	};
}

/** Appends a message for each id, with one scan each. */
export async function appendScans(
	log: EventLog,
	producer: Producer,
	ids: readonly string[],
	differences: Partial<AcceptedScan> = {},
): Promise<void> {
	for (const id of ids) await log.append(0, encodeMessage(producer.message([scan({ ...differences, id })])));
}

/** Every scan was counted, none twice, and nobody misses one. */
export async function expectCountedOnce(store: ScanStore, scans: number): Promise<void> {
	expect((await store.counts(selection())).value.scans).toBe(scans);
	expect(await store.ledger({ organisation: "acme" })).toEqual({
		...{ accepted: scans, stored: scans, duplicate: 0, dropped: {}, missing: 0 },
	});
}
