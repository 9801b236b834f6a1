/**
 * Everything live of one node, put together: channels, connections, presence, and the clocks that drive them. It is told
 * where to ask and whom to tell, and knows nothing of Moleculer or Socket.IO.
 */

import type { Events } from "../../contracts/events.ts";
import { Admission, type AdmissionOptions } from "./admission.ts";
import { ChannelRegistry, type Sources } from "./channel-registry.ts";
import { ConnectionManager, type Port } from "./connection-manager.ts";
import type { RealtimeOptions } from "./options.ts";
import { Presence } from "./presence.ts";

export interface LiveNodeParts {
	readonly node: string;
	readonly heartbeatMs: number;
	readonly options: RealtimeOptions;
	readonly port: Port;
	readonly admission: AdmissionOptions;
	readonly sources: Sources & { hasCode(organisation: string, code: string): Promise<boolean> };
	tellPresence(report: Events["realtime.presence"]): void;
}

export class LiveNode {
	readonly channels: ChannelRegistry;
	readonly connections: ConnectionManager;
	readonly admission: Admission;
	readonly presence: Presence;
	readonly #parts: LiveNodeParts;
	#timers: NodeJS.Timeout[] = [];

	constructor(parts: LiveNodeParts) {
		const { options, sources } = parts;
		this.#parts = parts;
		this.admission = new Admission(parts.admission);
		this.presence = new Presence(parts.node, options);
		this.channels = new ChannelRegistry({ ...options, heartbeatMs: parts.heartbeatMs }, sources, {
			update: (channel, update) => this.connections.broadcast(channel, "update", update),
			position: (channel, beat, only) => this.connections.broadcast(channel, "position", beat, only),
		});
		this.connections = new ConnectionManager(options, parts.port, this.channels, this.admission, {
			hasCode: (organisation, code) => sources.hasCode(organisation, code),
			elsewhere: (key) => this.presence.elsewhere(key, Date.now()),
		});
	}

	start(): void {
		const { options } = this.#parts;
		this.channels.start();
		this.#timers = [
			setInterval(() => this.connections.sweep(Date.now()), options.sweepMs),
			setInterval(() => this.#parts.tellPresence(this.presence.report(this.channels.counts())), options.presenceMs),
		];
		this.#revalidateLater();
	}

	/** Says goodbye to everybody and stops; what was sent may still be on its way. */
	stop(): void {
		for (const timer of this.#timers) clearTimeout(timer);
		this.#timers = [];
		this.connections.drain();
		this.channels.stop();
		this.#parts.tellPresence({ node: this.#parts.node, channels: {}, leaving: true });
	}

	/** One round after the other, however long accounts take to answer. */
	#revalidateLater(): void {
		const round = setTimeout(async () => {
			await this.connections.revalidate();
			this.#timers = this.#timers.filter((timer) => timer !== round);
			if (this.#timers.length > 0) this.#revalidateLater();
		}, this.#parts.options.revalidateMs);
		this.#timers.push(round);
	}
}
