/**
 * How many connections hold a channel, on all nodes: each node tells its own counts when they change, and a sign of life
 * when they do not. A node that says nothing any more counts nothing.
 */

import type { Events } from "../../contracts/events.ts";

type PresenceReport = Events["realtime.presence"];

export interface PresenceOptions {
	readonly presenceStaleMs: number;
}

interface Node {
	channels: Readonly<Record<string, number>>;
	heardAt: number;
}

export class Presence {
	readonly #node: string;
	readonly #options: PresenceOptions;
	readonly #others = new Map<string, Node>();
	#told = "";

	constructor(node: string, options: PresenceOptions) {
		this.#node = node;
		this.#options = options;
	}

	hear(report: PresenceReport, now: number): void {
		if (report.node === this.#node) return;
		if (report.leaving) {
			this.#others.delete(report.node);
			return;
		}
		const known = this.#others.get(report.node);
		// A node new to this one has not heard this one's counts either.
		if (!known) this.#told = "";
		if (!report.unchanged) this.#others.set(report.node, { channels: report.channels, heardAt: now });
		else if (known) known.heardAt = now;
	}

	/** What to tell the others now, given this node's own counts. */
	report(own: Readonly<Record<string, number>>): PresenceReport {
		const text = JSON.stringify(own);
		if (text === this.#told) return { node: this.#node, channels: {}, unchanged: true };
		this.#told = text;
		return { node: this.#node, channels: own };
	}

	/** Connections of the other nodes that hold a channel. */
	elsewhere(key: string, now: number): number {
		let count = 0;
		for (const [node, { channels, heardAt }] of this.#others) {
			if (now - heardAt > this.#options.presenceStaleMs) this.#others.delete(node);
			else count += channels[key] ?? 0;
		}
		return count;
	}
}
