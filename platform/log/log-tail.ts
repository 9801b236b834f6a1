/** The newest messages of a file log in memory, as many as fit, for readers that are near the end. */

import type { Position } from "../../contracts/events.ts";
import type { LogMessage } from "./event-log.ts";

const MAX_BYTES = 8 * 1024 * 1024;

export class LogTail {
	#messages: LogMessage[] = [];
	#bytes = 0;
	/** How many at the front were let go, and are cut off when they are the larger part. */
	#gone = 0;

	/** @param messages those that follow the newest, without a gap */
	add(messages: readonly LogMessage[]): void {
		for (const message of messages) {
			this.#messages.push(message);
			this.#bytes += message.data.length;
		}
		this.#letGo(() => this.#bytes > MAX_BYTES);
	}

	/** Lets go what is at and below a position. */
	forget(upTo: Position): void {
		this.#letGo(({ position }) => position <= upTo);
	}

	/** All messages after a position; undefined when the first of them is not here. */
	after(position: Position): [readonly LogMessage[]] | undefined {
		const first = this.#messages[this.#gone];
		if (!first || position + 1 < first.position) return undefined;
		return [this.#messages.slice(this.#gone + position + 1 - first.position)];
	}

	#letGo(isGone: (oldest: LogMessage) => boolean): void {
		for (;;) {
			const oldest = this.#messages[this.#gone];
			if (!oldest || !isGone(oldest)) break;
			this.#bytes -= oldest.data.length;
			this.#gone++;
		}
		if (this.#gone * 2 < this.#messages.length) return;
		this.#messages = this.#messages.slice(this.#gone);
		this.#gone = 0;
	}
}
