import { readFile, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import type { Salt } from "../../contracts/account.ts";
import { until } from "../../scripts/servers/until.ts";
import { SaltKeeper } from "../../services/gateway/enrich/salt-keeper.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

const NOON = Date.parse("2026-11-23T12:00:00Z");
const SALTS: readonly Salt[] = [
	{ day: "2026-11-22", salt: "salt-of-yesterday" },
	{ day: "2026-11-23", salt: "salt-of-today" },
	{ day: "2026-11-24", salt: "salt-of-tomorrow" },
];

async function keeper(file: string, ask: () => Promise<readonly Salt[]>, now = () => NOON): Promise<SaltKeeper> {
	const made = new SaltKeeper({ ask, file, now, everyMs: 10, retryMs: 10 });
	await made.start();
	atEndOfFile(() => made.stop());
	return made;
}

const away = () => Promise.reject(new Error("away"));

test("a gateway that starts while nobody can be asked has the salts of today and tomorrow, and nobody else may read them", async () => {
	const file = path.join(await temporaryFolder(), "salts.json");
	const first = await keeper(file, async () => SALTS);
	await first.held(5_000);
	await first.stop();
	expect((await stat(file)).mode & 0o777).toBe(0o600);

	const { salts } = await keeper(file, away);
	expect(salts.at(NOON)).toBe("salt-of-today");
	expect(salts.at(NOON + 86_400_000)).toBe("salt-of-tomorrow");
});

test("a salt is destroyed 48 hours after its day, in memory and in the file, also while nobody can be asked", async () => {
	const file = path.join(await temporaryFolder(), "salts.json");
	await writeFile(file, JSON.stringify(SALTS));
	let now = NOON;
	const { salts } = await keeper(file, away, () => now);
	const gone = (text: string) =>
		until(async () => !(await readFile(file, "utf8")).includes(text), {
			what: `the end of the ${text}`,
			timeoutMs: 5_000,
		});
	now = Date.parse("2026-11-25T00:00:01Z");
	await gone("salt-of-yesterday");
	expect(salts.at(NOON)).toBe("salt-of-today");
	now = Date.parse("2026-11-27T00:00:01Z");
	await gone("salt-of-tomorrow");
	expect(salts.held).toBe(false);
});

test("a file that holds something else is no reason not to start", async () => {
	const file = path.join(await temporaryFolder(), "salts.json");
	await writeFile(file, '[{"day":1},{"day":"2026-11-23"},nul');
	expect((await keeper(file, away)).salts.held).toBe(false);
});
