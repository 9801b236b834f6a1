/*
 * A file system that keeps its promises and not one more: at a power cut it loses what was not synced, or a part of it,
 * sector by sector, and names that were given since their folder was synced may be the old ones again.
 */
import { basename, dirname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { FileLayer, OpenFile } from "../../platform/log/file-layer.ts";

const SECTOR = 512;

interface StoredFile {
	now: Buffer;
	/** What a power cut leaves of it. */
	synced: Buffer;
}

type Names = Map<string, StoredFile>;

export class ForgetfulDisk {
	/** What the machine sees, by path. */
	#now: Names = new Map();
	/** What a power cut leaves: the names of each folder as they were synced. */
	#synced: Names = new Map();
	#power = { on: true };
	/** Of `[0, 1)`; decides what a cut takes and what it happens to leave. */
	readonly #random: () => number;

	constructor(random: () => number) {
		this.#random = random;
	}

	/** Whoever uses the disk as it was mounted before never hears of it again. */
	cutPower(): void {
		this.#power.on = false;
		this.#power = { on: true };
		const left: Names = new Map();
		for (const path of new Set([...this.#synced.keys(), ...this.#now.keys()])) {
			const file = this.#random() < 0.5 ? this.#synced.get(path) : this.#now.get(path);
			if (file) left.set(path, file);
		}
		for (const file of new Set(left.values())) {
			file.now = this.#torn(file);
			file.synced = Buffer.from(file.now);
		}
		this.#now = left;
		this.#synced = new Map(left);
	}

	/** The disk as it is until the next power cut. */
	mount(): FileLayer {
		const power = this.#power;
		/** Every call takes its time, and none of them ends that a power cut met. */
		const done = async () => {
			await nextTurn();
			if (!power.on) await new Promise(() => undefined);
		};
		const find = (path: string) => {
			const file = this.#now.get(path);
			if (!file) throw Object.assign(new Error(`ENOENT: ${path}`), { code: "ENOENT" });
			return file;
		};
		return {
			open: async (path, how) => {
				await done();
				if (how === "make") {
					if (this.#now.has(path)) find(path).now = Buffer.alloc(0);
					else this.#now.set(path, { now: Buffer.alloc(0), synced: Buffer.alloc(0) });
				}
				return openFile(find(path), done, how === "durable");
			},
			size: async (path) => {
				await done();
				return find(path).now.length;
			},
			makeFolder: done,
			list: async (folder) => {
				await done();
				return [...this.#now.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path));
			},
			rename: async (from, to) => {
				await done();
				this.#now.set(to, find(from));
				this.#now.delete(from);
			},
			remove: async (path) => {
				await done();
				this.#now.delete(path);
			},
			syncFolder: async (folder) => {
				const names = [...this.#now].filter(([path]) => dirname(path) === folder);
				await done();
				this.#synced = new Map([...[...this.#synced].filter(([path]) => dirname(path) !== folder), ...names]);
			},
		};
	}

	/** Of each sector that was written since the last sync, what it was or what it became. */
	#torn({ now, synced }: StoredFile): Buffer {
		const left = Buffer.alloc(this.#random() < 0.5 ? synced.length : Math.max(now.length, synced.length));
		synced.copy(left);
		for (let at = 0; at < left.length; at += SECTOR)
			if (this.#random() < 0.5) now.copy(left, at, at, Math.min(at + SECTOR, left.length));
		return left;
	}
}

function openFile(file: StoredFile, done: () => Promise<void>, durable: boolean): OpenFile {
	const sync = async () => {
		const synced = Buffer.from(file.now);
		await done();
		file.synced = synced;
	};
	return {
		async read(into, at) {
			await done();
			return file.now.copy(into, 0, at);
		},
		async write(data, at) {
			await done();
			const longer = Buffer.alloc(Math.max(file.now.length, at + data.length));
			file.now.copy(longer);
			longer.set(data, at);
			file.now = longer;
			if (durable) await sync();
		},
		sync,
		close: done,
	};
}
