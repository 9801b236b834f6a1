/*
 * No room on the disk while the event log is away: the gateway's way out, with a real spool that may not grow.
 */
import path from "node:path";
import { expect, test } from "vitest";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { openFileLog } from "../../platform/log/file-log.ts";
import { decodeMessage } from "../../platform/log/message.ts";
import { openSpool } from "../../platform/log/spool.ts";
import { until } from "../../scripts/servers/until.ts";
import { HealthReport } from "../../services/gateway/health.ts";
import { Ingest } from "../../services/gateway/ingest.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

const quiet = { info: () => undefined, warn: () => undefined };
const SPOOL_BYTES = 512 * 1024;
const TEXT = "x".repeat(100);

const scan = (id: string): AcceptedScan => ({
	...{ id, organisation: "o", code: "c", slug: "s", at: 1, source: "api", device: "other", bot: false, referrer: TEXT },
});

async function idsIn(log: EventLog): Promise<string[]> {
	const ids: string[] = [];
	const [{ position: end } = { position: 0 }] = await log.ends();
	if (end === 0) return ids;
	const reading = new AbortController();
	for await (const batch of log.read(0, 0, { signal: reading.signal })) {
		for (const { data } of batch) {
			const decoded = decodeMessage(data);
			if (decoded.kind === "scans") ids.push(...decoded.message.scans.map(({ id }) => id));
		}
		if ((batch.at(-1)?.position ?? 0) >= end) reading.abort();
	}
	return ids;
}

test("a spool without room refuses clearly and says so, keeps what it accepted, and takes scans again when the log is back", async () => {
	const dir = await temporaryFolder();
	const log = await openFileLog({ dir: path.join(dir, "log") });
	let away = true;
	const refuse = () => Promise.reject(new CodedError("log_unavailable", "cut off", { notSent: true }));
	const cut: EventLog = Object.create(log, {
		partitions: { value: log.partitions },
		append: { value: (partition: number, data: Uint8Array) => (away ? refuse() : log.append(partition, data)) },
		ends: { value: () => (away ? refuse() : log.ends()) },
	});
	const spool = await openSpool({ dir: path.join(dir, "spool"), partitions: 1, maxBytes: SPOOL_BYTES });
	const ingest = new Ingest({ log: cut, spool, logger: quiet, drainEveryMs: 20 });
	const health = new HealthReport({
		...{ ingest, draining: () => false, partitions: 1, offered: () => true },
		log: () => cut.ends(),
		cache: async () => ({ redis: "ok", degraded: false }),
	});
	atEndOfFile(async () => {
		await ingest.close(1_000);
		await log.close();
	});

	const accepted: string[] = [];
	const refusal = await until(
		async () => {
			const ids = Array.from({ length: 50 }, () => crypto.randomUUID());
			try {
				await ingest.accept(ids.map(scan));
				accepted.push(...ids);
				return undefined;
			} catch (error) {
				return error as CodedError;
			}
		},
		{ what: "the spool to be full", timeoutMs: 20_000, everyMs: 0 },
	);
	expect(codeOf(refusal)).toBe("log_unavailable");
	expect(refusal).toMatchObject({ code: 503, data: { retryAfterMs: 1_000 } });
	expect(accepted.length).toBeGreaterThan(100);
	const { status, checks } = await health.read();
	expect([status, checks.spool?.status]).toEqual(["degraded", "degraded"]);
	expect(checks.spool?.detail).toContain("takes no scans");

	away = false;
	await until(() => !ingest.away && ingest.spooled === 0, { what: "the spool to be empty", timeoutMs: 10_000 });
	await ingest.accept([scan("after")]);
	// Of what was refused nothing came through either: the caller sends it again.
	expect((await idsIn(log)).sort()).toEqual([...accepted, "after"].sort());
});
