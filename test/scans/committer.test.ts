/*
 * Counting from a real log into a real store that refuses at the worst moments: the process goes on, and each scan is
 * counted once.
 */
import { expect, test } from "vitest";
import { CodedError, type ErrorCode } from "../../contracts/errors.ts";
import { readConfig } from "../../platform/config.ts";
import { encodeMessage } from "../../platform/log/message.ts";
import { createPlatform } from "../../platform/platform.ts";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { until } from "../../scripts/servers/until.ts";
import { Committer } from "../../services/scans/committer.ts";
import { PartitionOwner } from "../../services/scans/partition-owner.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { Producer, scan } from "../store/scans.ts";
import { selection } from "../store/suite/with-store.ts";

interface Failures {
	readonly ingest: () => Error | undefined;
	readonly rehearse?: () => Error | undefined;
}

/** Counts three messages of two scans each. @returns the store, and what trouble was told */
async function count({ ingest, rehearse = () => undefined }: Failures) {
	const platform = createPlatform(readConfig({ DATA_DIR: await temporaryFolder(), LOG_LEVEL: "fatal" }));
	const [log, real] = await Promise.all([platform.log(), platform.store()]);
	const failing = <T>(failure: () => Error | undefined, operation: () => Promise<T>) => {
		const error = failure();
		return error ? Promise.reject(error) : operation();
	};
	const refusing: Partial<ScanStore> = {
		ingest: (parts) => failing(ingest, () => real.ingest(parts)),
		rehearse: (parts) => failing(rehearse, () => real.rehearse(parts)),
	};
	const store = new Proxy(real, {
		get: (_, name: keyof ScanStore) => refusing[name] ?? (real[name] as () => unknown).bind(real),
	});
	const troubles: unknown[] = [];
	const onTrouble = (error: unknown) => void troubles.push(error);
	const owners: PartitionOwner[] = [];
	const committer = new Committer({ store, owners: () => owners, onCommitted: () => undefined, onTrouble });
	const nobody = { onNewer: () => undefined, onNewEpoch: () => undefined };
	const parts = { log, store, onTrouble, onRead: () => committer.wake(), ...nobody };
	owners.push(new PartitionOwner({ partition: 0, owner: "this", ...parts }));
	atEndOfFile(async () => {
		await committer.stop();
		await Promise.all(owners.map((owner) => owner.stop()));
		await platform.close();
	});
	const producer = new Producer("gateway");
	for (let n = 0; n < 3; n++) await log.append(0, encodeMessage(producer.message([scan(), scan()])));
	const counted = async () => (await real.counts(selection())).value.scans;
	await until(async () => (await counted()) >= 6, { what: "six scans to be counted", timeoutMs: 15_000 });
	const ledger = await real.ledger({ organisation: "acme" });
	return { troubles, counted, ledger };
}

/** Gives each of these once, then nothing. */
function once(...errors: Error[]): () => Error | undefined {
	return () => errors.shift();
}

const lasting = () => new Error("this cannot be stored");
const coded = (code: ErrorCode) => new CodedError(code, `told ${code}`);

test.each([
	["another owner has taken the partition", "claim_lost"],
	["the store goes away", "unavailable"],
] as const)("counting goes on when %s while a scan that cannot be stored is looked for", async (_, code) => {
	const failures = { ingest: once(lasting(), lasting(), lasting(), lasting()), rehearse: once(coded(code)) };
	const { troubles, counted, ledger } = await count(failures);
	expect(troubles).toContainEqual(expect.objectContaining({ type: code }));
	expect(await counted()).toBe(6);
	expect(ledger).toMatchObject({ stored: 6, duplicate: 0, dropped: {} });
});

test("a store that is away again and again is waited for, and no scan is blamed for it", async () => {
	const away = Array.from({ length: 6 }, () => coded("unavailable"));
	const { counted, ledger } = await count({ ingest: once(...away) });
	expect(await counted()).toBe(6);
	expect(ledger).toMatchObject({ stored: 6, duplicate: 0, dropped: {} });
});
