/* The records in a file, opened by two threads at once as two processes do. */
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openSqliteRecords } from "../../platform/records/sqlite-records.ts";
import { describeRecords } from "./records.suite.ts";

let dir: string;
let folders = 0;

beforeAll(async () => {
	dir = await mkdtemp(path.join(tmpdir(), "scanpulse-records-"));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describeRecords("a file", async () => {
	const folder = await mkdtemp(path.join(dir, `${++folders}-`));
	const file = path.join(folder, "records.db");
	return {
		open: () => openSqliteRecords({ file }),
		async plantSalt(day, salt) {
			const database = new DatabaseSync(file, { timeout: 5000 });
			const expires = Date.parse(day) + 72 * 3_600_000;
			database.prepare("INSERT INTO salts VALUES (?, ?, ?)").run(day, salt, expires);
			database.close();
		},
		async holds(text) {
			const names = await readdir(folder);
			const contents = await Promise.all(names.map((name) => readFile(path.join(folder, name))));
			return contents.some((content) => content.includes(text));
		},
	};
});

test("a file that is no database is refused", async () => {
	const file = path.join(dir, "foreign.db");
	await writeFile(file, "no database, though it is long enough to look like one".repeat(100));
	await expect(openSqliteRecords({ file })).rejects.toThrow(/not a database/);
});
