/**
 * Builds the dashboard where it is not built, or older than what it is built from. The build happens beside the place it
 * is served from and is moved there whole, so that a process serving it never sees half of one.
 */
import { spawn } from "node:child_process";
import { readdir, rename, rm, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";

const FRONTEND = path.join(import.meta.dirname, "..", "frontend");
const DIST = path.join(FRONTEND, "dist");
const SOURCES = ["src", "public", "index.html", "vite.config.ts", "package.json"];

export interface BuildOptions {
	/** Builds even when the present build is newer than its sources. @defaultValue false */
	readonly force?: boolean;
}

/**
 * Makes sure that `frontend/dist` holds a build of the sources as they are now.
 *
 * @returns true when it was built, false when the present build was good.
 * @throws Error with the build's output when it fails.
 */
export async function buildDashboard({ force = false }: BuildOptions = {}): Promise<boolean> {
	if (!force && (await isBuilt())) return false;
	const fresh = path.join(FRONTEND, `dist-${process.pid}`);
	try {
		await runVite(fresh);
		await rm(DIST, { recursive: true, force: true });
		await rename(fresh, DIST);
	} catch (error) {
		// Another process that started at the same time may have put its build there first.
		if (!(await isBuilt())) throw error;
	} finally {
		await rm(fresh, { recursive: true, force: true });
	}
	return true;
}

async function isBuilt(): Promise<boolean> {
	const built = await changedAt(path.join(DIST, "index.html"));
	if (built === 0) return false;
	const sources = await Promise.all(SOURCES.map((source) => newest(path.join(FRONTEND, source))));
	return Math.max(...sources) <= built;
}

/** Epoch ms of the latest change in a file or folder; a folder changes when a file in it is removed. */
async function newest(place: string): Promise<number> {
	const own = await changedAt(place);
	const inside = await readdir(place, { recursive: true }).catch(() => []);
	const times = await Promise.all(inside.map((name) => changedAt(path.join(place, name))));
	return Math.max(own, ...times);
}

async function changedAt(place: string): Promise<number> {
	return (await stat(place).catch(() => undefined))?.mtimeMs ?? 0;
}

/** In a process of its own, so that the bundler's memory is given back before the product serves. */
async function runVite(outDir: string): Promise<void> {
	const resolve = createRequire(path.join(FRONTEND, "package.json")).resolve;
	const vite = path.join(path.dirname(resolve("vite/package.json")), "bin", "vite.js");
	const child = spawn(process.execPath, [vite, "build", FRONTEND, "--outDir", outDir, "--logLevel", "warn"], {
		stdio: ["ignore", "pipe", "pipe"],
		env: { ...process.env, NODE_ENV: "production" },
	});
	const output: string[] = [];
	for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)));
	const code = await new Promise<number | null>((resolve, reject) => {
		child.once("error", reject);
		child.once("close", resolve);
	});
	if (code !== 0) throw new Error(`The dashboard could not be built:\n${output.join("")}`);
}

if (import.meta.main) {
	await buildDashboard({ force: true });
	console.log("built frontend/dist");
}
