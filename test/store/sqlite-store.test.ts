import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ScanStore } from "../../platform/store/scan-store.ts";
import { openSqliteStore } from "../../platform/store/sqlite-store.ts";
import { scanStoreSuite } from "./scan-store.suite.ts";
import { ageSqlite, tamperWithSqlite } from "./tamper-sqlite.ts";

scanStoreSuite("SQLite", async () => {
	const folder = await mkdtemp(join(tmpdir(), "scanpulse-store-"));
	const opened: ScanStore[] = [];
	return {
		async open() {
			const store = await openSqliteStore({ file: join(folder, "store.db") });
			opened.push(store);
			return store;
		},
		tamper: async (kind, by) => tamperWithSqlite(join(folder, "store.db"), kind, by),
		age: async () => ageSqlite(join(folder, "store.db")),
		async remove() {
			for (const store of opened) await store.close();
			await rm(folder, { recursive: true });
		},
	};
});
