/**
 * Writing what a day or month closes to. An organisation may have more codes than one transaction can write, so they are
 * written in turns, code after code. Its own document is taken away by the first turn and comes with the last: without it
 * nothing is closed, so who reads codes in one snapshot with it reads them all, of one fold.
 */

import { BSON, type ClientSession, type Collection } from "mongodb";
import type { FencedWrites } from "./mongo-months.ts";
import type { Fenced } from "./scan-store.ts";

/** Most documents, and bytes, of a turn: far below what fills the cache of a small server, and done in well under a second. */
const DOCUMENTS_PER_TURN = 500;
const BYTES_PER_TURN = 8 * 1024 * 1024;

interface ClosedDocument {
	readonly _id: string;
	/** Empty for the organisation's own. */
	readonly code: string;
}

export interface ClosingOptions<D extends ClosedDocument> {
	readonly collection: Collection<D>;
	/** What the documents of this day or month have in common, as the index has it before `code`. */
	readonly of: { readonly organisation: string } & Readonly<Record<string, string>>;
	readonly writes: FencedWrites;
	readonly lease: Fenced;
}

export class ClosingWriter<D extends ClosedDocument> {
	readonly #options: ClosingOptions<D>;
	#documents: D[] = [];
	#bytes = 0;
	/** Everything up to this code is as it shall be. */
	#after = "";
	#begun = false;

	constructor(options: ClosingOptions<D>) {
		this.#options = options;
	}

	/** A code's; codes come in the order in which MongoDB sorts them. @throws `lease_lost` */
	async add(document: D): Promise<void> {
		const bytes = BSON.calculateObjectSize(document);
		const full = this.#documents.length >= DOCUMENTS_PER_TURN || this.#bytes + bytes > BYTES_PER_TURN;
		if (full) await this.#turn();
		this.#documents.push(document);
		this.#bytes += bytes;
	}

	/**
	 * Closes it, with what is left of its codes.
	 *
	 * @param own the organisation's
	 * @param also written in the same transaction
	 * @throws `lease_lost`
	 */
	finish(own: D, also: (session: ClientSession) => Promise<void>): Promise<void> {
		return this.#turn({ own, also });
	}

	async #turn(last?: { readonly own: D; also(session: ClientSession): Promise<void> }): Promise<void> {
		const { collection, of, writes, lease } = this.#options;
		const upTo = this.#documents.at(-1)?.code;
		// Also those of an earlier fold, of codes that have nothing any more.
		const before = { $gt: this.#after, ...(last ? {} : { $lte: upTo }) };
		const documents = last ? [...this.#documents, last.own] : this.#documents;
		await writes.run(lease, async (session) => {
			if (!this.#begun) await collection.deleteMany({ ...of, code: "" } as never, { session });
			await collection.deleteMany({ ...of, code: before } as never, { session });
			await collection.insertMany(documents as never, { session, ordered: false });
			await last?.also(session);
		});
		this.#begun = true;
		this.#after = upTo ?? this.#after;
		this.#documents = [];
		this.#bytes = 0;
	}
}
