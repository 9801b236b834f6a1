/**
 * What a file log needs of a file system, and no more: so that a test can put a file system beneath it that loses
 * everything that was not synced. What is written counts for nothing until `sync` has resolved.
 */

import fs from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";

export interface OpenFile {
	/** Reads into a buffer from an offset, as much as there is; resolves to the number of bytes, 0 at the end. */
	read(into: Uint8Array, at: number): Promise<number>;
	/** Writes all of it at an offset; of a file opened as `durable` it resolves when that survives a power cut. */
	write(data: Uint8Array, at: number): Promise<void>;
	/** Resolves when everything that was written survives a power cut. */
	sync(): Promise<void>;
	close(): Promise<void>;
}

export interface FileLayer {
	/** `make` makes the file, or empties it; `write` and `durable` need it to be there. */
	open(path: string, how: "read" | "write" | "durable" | "make"): Promise<OpenFile>;
	/** Bytes. */
	size(path: string): Promise<number>;
	/** Makes a folder, and its parents; its name is synced. */
	makeFolder(path: string): Promise<void>;
	list(folder: string): Promise<string[]>;
	rename(from: string, to: string): Promise<void>;
	remove(path: string): Promise<void>;
	/** Resolves when the names in the folder survive a power cut. */
	syncFolder(path: string): Promise<void>;
}

const open = promisify(fs.open);
const close = promisify(fs.close);
const fsync = promisify(fs.fsync);
/**
 * Linux writes and syncs in one call. Elsewhere that flag promises less than a sync, so there it is two: a second way to
 * the pool of threads and back for every append.
 */
const DURABLE_IN_ONE = process.platform === "linux";
const FLAGS = {
	read: "r",
	write: "r+",
	durable: DURABLE_IN_ONE ? fs.constants.O_RDWR | fs.constants.O_DSYNC : "r+",
	make: "w+",
} as const;

/** The file system of the machine. */
export const machineFiles: FileLayer = {
	async open(path, how) {
		return new MachineFile(await open(path, FLAGS[how], 0o600), how === "durable" && !DURABLE_IN_ONE);
	},
	size: async (path) => (await stat(path)).size,
	async makeFolder(path) {
		const made = await mkdir(path, { recursive: true });
		if (made !== undefined) await syncFolder(dirname(made));
	},
	list: (folder) => readdir(folder),
	rename,
	remove: (path) => rm(path, { force: true }),
	syncFolder,
};

async function syncFolder(path: string): Promise<void> {
	// Windows has no such thing; its file systems keep names in their own journal.
	if (process.platform === "win32") return;
	const folder = await open(path, "r");
	try {
		await fsync(folder);
	} finally {
		await close(folder);
	}
}

/** Callbacks of `node:fs` and not its promises: an append is on the way of every scan, and they cost half. */
class MachineFile implements OpenFile {
	readonly #fd: number;
	readonly #syncsWrites: boolean;

	constructor(fd: number, syncsWrites: boolean) {
		this.#fd = fd;
		this.#syncsWrites = syncsWrites;
	}

	read(into: Uint8Array, at: number): Promise<number> {
		return new Promise((resolve, reject) => {
			fs.read(this.#fd, into, 0, into.length, at, (error, bytes) => (error ? reject(error) : resolve(bytes)));
		});
	}

	write(data: Uint8Array, at: number): Promise<void> {
		const written = new Promise<void>((resolve, reject) => {
			const writeFrom = (from: number) => {
				fs.write(this.#fd, data, from, data.length - from, at + from, (error, bytes) => {
					if (error) reject(error);
					else if (from + bytes < data.length) writeFrom(from + bytes);
					else resolve();
				});
			};
			writeFrom(0);
		});
		return this.#syncsWrites ? written.then(() => this.sync()) : written;
	}

	sync(): Promise<void> {
		return new Promise((resolve, reject) => {
			fs.fdatasync(this.#fd, (error) => (error ? reject(error) : resolve()));
		});
	}

	close(): Promise<void> {
		return close(this.#fd);
	}
}
