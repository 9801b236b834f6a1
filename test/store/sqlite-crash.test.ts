import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { until } from "../../scripts/servers/until.ts";
import { SCANS_PER_MESSAGE } from "./numbered-messages.ts";
import { NOON } from "./scans.ts";
import { selection } from "./suite/with-store.ts";

const KILLS = 5;
let folder: string;

beforeAll(async () => {
	folder = await mkdtemp(join(tmpdir(), "scanpulse-crash-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("killed again and again while it counts, what was committed stands and every sum agrees", async () => {
	const file = join(folder, "store.db");
	let acknowledged = 0;
	for (let kill = 1; kill <= KILLS; kill++) {
		const script = fileURLToPath(new URL("./sqlite-ingester.ts", import.meta.url));
		const ingester = startProcess({ command: process.execPath, args: [script, file] });
		ingester.onLine((line) => {
			acknowledged = Number(line);
		});
		const target = acknowledged + 30 * kill;
		await until(() => acknowledged >= target, { what: `position ${target}\n${ingester.output()}`, timeoutMs: 30_000 });
		await ingester.kill("SIGKILL");

		const store = await openSqliteStore({ file });
		try {
			const { value, positions } = await store.counts(selection());
			const position = positions[0] ?? 0;
			const scans = position * SCANS_PER_MESSAGE;
			expect(position).toBeGreaterThanOrEqual(acknowledged);
			expect(value.scans).toBe(scans);
			const ledger = { accepted: scans, stored: scans, duplicate: 0, dropped: {}, missing: 0 };
			expect(await store.ledger({ organisation: "acme" })).toEqual(ledger);
			for (const dimension of ["code", "country"] as const) {
				const rows = (await store.breakdown(selection(), dimension)).value;
				expect(rows.reduce((sum, row) => sum + row.scans, 0)).toBe(scans);
				expect(rows.reduce((sum, row) => sum + row.visitors, 0)).toBe(value.visitors);
			}
			const day = { dayStart: NOON - 43_200_000, dayEnd: NOON + 43_200_000, minute: NOON };
			const { value: state } = await store.state({ organisation: "acme", ...day });
			expect(state).toEqual({ total: value, today: value, minute: scans });
		} finally {
			await store.close();
		}
	}
});
