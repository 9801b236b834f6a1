/**
 * Images of codes: made once on a worker thread, then kept in memory as long as there is room. The thread starts with
 * the first image and is replaced when it fails.
 */

import { LRUCache } from "lru-cache";
import type { CodeImage } from "../../../contracts/code.ts";
import { codeOf } from "../../../contracts/errors.ts";
import { WorkerClient } from "../../../platform/worker-rpc.ts";
import type { ImageWorker } from "./image.worker.ts";
import type { ImageStyle } from "./style.ts";

/** Room for images, bytes. */
const MOST_BYTES = 16 * 1024 * 1024;

export class Images {
	readonly #made = new LRUCache<string, CodeImage>({
		maxSize: MOST_BYTES,
		sizeCalculation: ({ body }, key) => body.length + key.length,
	});
	#worker: WorkerClient<ImageWorker> | undefined;

	/**
	 * The image of a text.
	 *
	 * @throws `unscannable` when it would not be read back as the text.
	 */
	async of(text: string, style: ImageStyle): Promise<CodeImage> {
		const key = JSON.stringify([text, style]);
		const kept = this.#made.get(key);
		if (kept) return kept;
		this.#worker ??= new WorkerClient<ImageWorker>(new URL("./image.worker.ts", import.meta.url), {});
		const worker = this.#worker;
		try {
			const image = await worker.call("draw", { text, style });
			this.#made.set(key, image);
			return image;
		} catch (error) {
			if (codeOf(error) !== "unscannable" && this.#worker === worker) await this.close();
			throw error;
		}
	}

	/** Ends the thread. */
	async close(): Promise<void> {
		const worker = this.#worker;
		this.#worker = undefined;
		await worker?.close();
	}
}
