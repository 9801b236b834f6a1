/*
 * `npm ci` refuses a lock file that lacks a package some other package may use on another platform, and npm itself leaves
 * such packages out when the registry at hand does not have them. So the lock file is looked at here.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";

interface Locked {
	readonly optionalDependencies?: Readonly<Record<string, string>>;
}

/** Where Node would look for `name` from the package at `place`, nearest first. */
function candidates(place: string, name: string): string[] {
	const parts = place === "" ? [] : place.split("/node_modules/");
	const bases = parts.map((_, index) => parts.slice(0, parts.length - index).join("/node_modules/"));
	return [...bases.map((base) => `${base}/node_modules/${name}`), `node_modules/${name}`];
}

test("the lock file has every package of every platform, so that npm ci installs on all of them", async () => {
	const text = await readFile(path.join(import.meta.dirname, "..", "..", "package-lock.json"), "utf8");
	const { packages } = JSON.parse(text) as { packages: Record<string, Locked> };
	const missing = Object.entries(packages).flatMap(([place, { optionalDependencies = {} }]) =>
		Object.keys(optionalDependencies)
			.filter((name) => !candidates(place, name).some((candidate) => candidate in packages))
			.map((name) => `${name} (wanted by ${place || "the product"})`),
	);
	expect(missing).toEqual([]);
	expect(text).not.toContain('"resolved": "http');
});
