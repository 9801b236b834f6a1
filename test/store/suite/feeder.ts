/** One owner of one partition: numbers messages as a gateway does and applies them as the scans actor does. */

import type { AcceptedScan } from "../../../contracts/scan.ts";
import type { ScanMessage } from "../../../platform/log/message.ts";
import type { IngestedPart, IngestPart, PartitionState, ScanStore } from "../../../platform/store/scan-store.ts";
import { NOON, Producer, read } from "../scans.ts";

export class Feeder {
	readonly store: ScanStore;
	readonly producer: Producer;
	#state: PartitionState;

	private constructor(store: ScanStore, state: PartitionState, producer: Producer) {
		this.store = store;
		this.#state = state;
		this.producer = producer;
	}

	/** Claims the partition and goes on where it stands. */
	static async claim(
		store: ScanStore,
		partition = 0,
		producer: Producer = new Producer(`gateway-${partition}`),
	): Promise<Feeder> {
		return new Feeder(store, await store.claim(partition, "owner"), producer);
	}

	get position(): number {
		return this.#state.position;
	}

	/** The part that would apply these messages next. */
	part(messages: readonly ScanMessage[]): IngestPart {
		const { partition, claim, position } = this.#state;
		return { partition, claim, log: "log", from: position, messages: read(messages, position) };
	}

	/** One message with these scans. */
	async feed(scans: readonly AcceptedScan[], acceptedAt: number = NOON): Promise<IngestedPart> {
		return this.apply([this.producer.message(scans, acceptedAt)]);
	}

	async apply(messages: readonly ScanMessage[], differences: Partial<IngestPart> = {}): Promise<IngestedPart> {
		const [part] = await this.store.ingest([{ ...this.part(messages), ...differences }]);
		const applied = part as IngestedPart;
		this.#state = { ...this.#state, position: applied.to };
		return applied;
	}
}
