import { mkdir } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { lockDataDir } from "../../platform/data-dir.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { openFileLog } from "../../platform/log/file-log.ts";
import { decodeMessage, encodeMessage } from "../../platform/log/message.ts";
import { FILE_LOG } from "../../platform/log/open.ts";
import { hasSpoolFiles, openSpool } from "../../platform/log/spool.ts";
import { until } from "../../scripts/servers/until.ts";
import { readSalts, SALTS_FILE, writeSalts } from "../../services/gateway/enrich/salt-file.ts";
import { gatewayId } from "../../services/gateway/gateway-id.ts";
import { LeftBehind } from "../../services/gateway/left-behind.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

const message = (id: string) => {
	const scan: AcceptedScan = {
		...{ id, organisation: "o", code: "c", slug: "s", at: 1, source: "qr", device: "other", bot: false },
	};
	return encodeMessage({ producer: `p-${id}`, number: 1, acceptedAt: 1, totals: { o: 1 }, scans: [scan] });
};
const quiet = { info: () => undefined, warn: () => undefined };

/** Data folders side by side, and the log that everything should end in. */
async function machine() {
	const root = await temporaryFolder();
	const log = await openFileLog({ dir: path.join(root, "shared.log"), partitions: 2 });
	const dataDir = path.join(root, "gateway-1");
	await mkdir(dataDir);
	const broughtHome: string[] = [];
	const onBroughtHome = (gateway: string) => void broughtHome.push(gateway);
	const leftBehind = new LeftBehind({ dataDir, log, logger: quiet, everyMs: 50, onBroughtHome });
	atEndOfFile(async () => {
		await leftBehind.stop();
		await log.close();
	});
	return { root, log, dataDir, leftBehind, broughtHome };
}

async function idsIn(log: EventLog): Promise<string[]> {
	const ids: string[] = [];
	for (const { partition, position: end } of await log.ends()) {
		if (end === 0) continue;
		const reading = new AbortController();
		for await (const batch of log.read(partition, 0, { signal: reading.signal })) {
			for (const { data } of batch) {
				const decoded = decodeMessage(data);
				if (decoded.kind === "scans") ids.push(...decoded.message.scans.map(({ id }) => id));
			}
			if ((batch.at(-1)?.position ?? 0) >= end) reading.abort();
		}
	}
	return ids;
}

test("scans of a gateway that is gone reach the log, those of one that lives are its own", async () => {
	const { root, log, leftBehind, broughtHome } = await machine();
	for (const name of ["gateway-2", "gateway-3"]) {
		const spool = await openSpool({ dir: path.join(root, name, "spool"), partitions: 2 });
		await spool.append(1, message(name));
		await spool.close();
	}
	const name = await gatewayId(path.join(root, "gateway-2"));
	const living = lockDataDir(path.join(root, "gateway-3"));
	leftBehind.start();
	await until(async () => (await idsIn(log)).length === 1, { what: "the scan", timeoutMs: 5_000 });
	await until(async () => !(await hasSpoolFiles(path.join(root, "gateway-2", "spool"))), {
		what: "its end",
		timeoutMs: 5_000,
	});
	expect(await idsIn(log)).toEqual(["gateway-2"]);
	expect(await hasSpoolFiles(path.join(root, "gateway-3", "spool"))).toBe(true);
	await until(() => broughtHome.length > 0, { what: "word of it", timeoutMs: 5_000 });
	expect(broughtHome).toEqual([name]);
	living.release();
	await until(async () => (await idsIn(log)).length === 2, { what: "the other's scan", timeoutMs: 5_000 });
});

test("scans in a file log go on to NATS when it is configured, and the file is gone", async () => {
	const { log, dataDir, leftBehind } = await machine();
	const dir = path.join(dataDir, FILE_LOG);
	const old = await openFileLog({ dir, partitions: 3 });
	for (const partition of [0, 1, 2]) await old.append(partition, message(`old-${partition}`));
	await old.close();
	leftBehind.start();
	await until(async () => (await idsIn(log)).length === 3, { what: "the scans", timeoutMs: 5_000 });
	expect((await idsIn(log)).sort()).toEqual(["old-0", "old-1", "old-2"]);
});

test("salts of a gateway that is gone are destroyed when their time is over, those of one that lives are its own", async () => {
	const { root, leftBehind } = await machine();
	const salt = (daysAgo: number) => ({
		day: new Date(Date.now() - daysAgo * 86_400_000).toISOString().slice(0, 10),
		salt: `of ${daysAgo} days ago`,
	});
	const file = (name: string) => path.join(root, name, SALTS_FILE);
	for (const name of ["gateway-2", "gateway-3"]) {
		await mkdir(path.join(root, name));
		await writeSalts(file(name), [salt(9), salt(0)]);
	}
	const living = lockDataDir(path.join(root, "gateway-3"));
	leftBehind.start();
	await until(async () => (await readSalts(file("gateway-2"))).length === 1, { what: "their end", timeoutMs: 5_000 });
	expect(await readSalts(file("gateway-2"))).toEqual([salt(0)]);
	expect(await readSalts(file("gateway-3"))).toHaveLength(2);
	living.release();
});
