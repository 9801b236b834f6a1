/* How much the event log may hold: what is configured, for the log in files and for the one in NATS. */
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import { readConfig } from "../../platform/config.ts";
import { openEventLog } from "../../platform/log/open.ts";
import { type RunningServer, startNats } from "../../scripts/servers/start.ts";
import { temporaryFolder } from "../harness/folder.ts";

const MIB = 1024 ** 2;
const MESSAGE = Buffer.alloc(MIB / 2, "x");

let dir: string;
let nats: RunningServer;

beforeAll(async () => {
	dir = await temporaryFolder();
	nats = await startNats({ dir: path.join(dir, "nats") });
});
afterAll(() => nats.stop());

test.each(["files", "NATS"])("LOG_MAX_MIB is what the log holds before it refuses (%s)", async (kind) => {
	const env = { DATA_DIR: path.join(dir, kind), LOG_MAX_MIB: "16", ...(kind === "NATS" && { NATS_URL: nats.url }) };
	const log = await openEventLog(readConfig(env));
	let bytes = 0;
	let refusal: unknown;
	while (refusal === undefined && bytes <= 16 * MIB) {
		const appended = await log.append(0, MESSAGE).catch(codeOf);
		if (typeof appended === "number") bytes += MESSAGE.length;
		else refusal = appended;
	}
	expect(refusal).toBe("log_full");
	expect(bytes).toBeGreaterThan(14 * MIB);
	await log.close();
});
