/*
 * The file of a backup: BSON documents one after the other, gzipped. First one that says what it is, then for each
 * collection one with its name, options and indexes, its documents, and four zero bytes; last one with their number.
 */
import { createReadStream } from "node:fs";
import { createGunzip } from "node:zlib";
import { BSON } from "mongodb";
import { readConfig } from "../../platform/config.ts";

export const BACKUP_VERSION = 1;
export const END_OF_SECTION = new Uint8Array(4);
/**
 * What no backup holds and no restore touches: who is alive, and the salts of visitors' hashes, whose destruction after
 * two days would mean nothing if copies of them were kept.
 */
export const NOT_BACKED_UP: readonly string[] = ["nodes", "salts"];
const SUFFIX = ".backup.gz";

/** Names sort by time, such as `scanpulse-20260731T041000Z.backup.gz`. */
export const backupName = (at: Date): string => `scanpulse-${at.toISOString().replaceAll(/[-:]|\.\d+/g, "")}${SUFFIX}`;

export const isBackup = (name: string): boolean => name.startsWith("scanpulse-") && name.endsWith(SUFFIX);

/** @throws when MONGO_URL is not set. */
export function mongoUrl(): string {
	const { mongoUrl: url } = readConfig(process.env);
	if (url === undefined) throw new Error("MONGO_URL is not set: expected the address of the product's store");
	return url;
}

/** The documents of a file as bytes, and undefined at the end of each section. @throws when the file is cut. */
async function* parts(file: string): AsyncGenerator<Uint8Array | undefined> {
	let held: Buffer = Buffer.alloc(0);
	for await (const chunk of createReadStream(file).pipe(createGunzip()) as AsyncIterable<Buffer>) {
		held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
		let from = 0;
		while (held.length - from >= 4) {
			const length = held.readInt32LE(from);
			if (length === 0) {
				yield undefined;
				from += 4;
			} else if (held.length - from >= length) {
				yield held.subarray(from, from + length);
				from += length;
			} else break;
		}
		held = held.subarray(from);
	}
	if (held.length > 0) throw new Error(`${file} is cut`);
}

export interface Section {
	readonly collection: string;
	readonly options: Record<string, unknown>;
	readonly indexes: readonly { readonly key: Record<string, unknown>; readonly [option: string]: unknown }[];
}

export interface BackupReader {
	section?(section: Section): Promise<void>;
	document?(bytes: Uint8Array): Promise<void>;
	sectionEnd?(): Promise<void>;
}

/**
 * Reads a backup from its first byte to its last.
 *
 * @returns how many documents it holds
 * @throws when it is none, is of a version that is not known, or is not whole
 */
export async function readBackup(file: string, reader: BackupReader): Promise<number> {
	let begun = false;
	let inSection = false;
	let documents = 0;
	let told: number | undefined;
	for await (const bytes of parts(file)) {
		if (bytes === undefined) {
			inSection = false;
			await reader.sectionEnd?.();
		} else if (inSection) {
			documents++;
			await reader.document?.(bytes);
		} else {
			const head = BSON.deserialize(bytes);
			if (!begun) {
				if (head.scanpulseBackup !== BACKUP_VERSION)
					throw new Error(`${file} is no backup of version ${BACKUP_VERSION}`);
				begun = true;
			} else if (head.end === true) {
				told = head.documents as number;
			} else {
				inSection = true;
				await reader.section?.(head as unknown as Section);
			}
		}
	}
	if (told !== documents) throw new Error(`${file} is not whole: it has ${documents} of ${told ?? "?"} documents`);
	return documents;
}
