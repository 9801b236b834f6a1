/**
 * Reads one partition of a JetStream log in order: an unacknowledged push consumer by start sequence and subject. It mends
 * nothing: a lost connection, a gap in the deliveries or a silent server ends it, and its user compares positions and
 * reads again.
 *
 * @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-17.md Ordered consumers
 */

import { AckPolicy, createInbox, DeliverPolicy, type Msg, nanos, ReplayPolicy, type Subscription } from "nats";
import { CodedError } from "../../contracts/errors.ts";
import type { Position } from "../../contracts/events.ts";
import type { LogMessage } from "./event-log.ts";
import { type JetStreamSession, partitionSubject } from "./jetstream-session.ts";

const HEARTBEAT_MS = 2000;
const MISSED_HEARTBEATS = 3;
/** How long the server keeps a consumer whose reader is gone without having said so. */
const ORPHAN_MS = 5000;
/** Beyond this the server is not asked for more until the reader has caught up. */
const MAX_QUEUED_BYTES = 8 * 1024 * 1024;

export interface ReaderOptions {
	readonly stream: string;
	readonly partition: number;
	readonly after: Position;
}

export class JetStreamReader {
	readonly #session: JetStreamSession;
	readonly #options: ReaderOptions;
	#subscription: Subscription | undefined;
	#consumer: string | undefined;
	#queue: LogMessage[] = [];
	#queuedBytes = 0;
	#delivered = 0;
	/** The server's question whether it may go on, kept while too much is queued. */
	#flow: Msg | undefined;
	#heartbeat: NodeJS.Timeout | undefined;
	#ended: { readonly error?: CodedError } | undefined;
	#wake: (() => void) | undefined;

	constructor(session: JetStreamSession, options: ReaderOptions) {
		this.#session = session;
		this.#options = options;
	}

	/** Makes the consumer; messages queue from now on. */
	async start(): Promise<void> {
		const { connection, manager } = this.#session;
		const { stream, partition, after } = this.#options;
		const inbox = createInbox();
		this.#subscription = connection.subscribe(inbox, {
			callback: (error, message) => (error ? this.fail(error.message) : this.#receive(message)),
		});
		void this.#subscription.closed.then(() => this.fail("the connection was lost"));
		try {
			const { name } = await manager.consumers.add(stream, {
				deliver_subject: inbox,
				deliver_policy: DeliverPolicy.StartSequence,
				opt_start_seq: after + 1,
				filter_subject: partitionSubject(stream, partition),
				ack_policy: AckPolicy.None,
				replay_policy: ReplayPolicy.Instant,
				max_deliver: 1,
				flow_control: true,
				idle_heartbeat: nanos(HEARTBEAT_MS),
				inactive_threshold: nanos(ORPHAN_MS),
				mem_storage: true,
				num_replicas: 1,
			});
			this.#consumer = name;
			this.#expectHeartbeat();
			if (this.#ended) this.#forget();
		} catch (error) {
			this.fail((error as Error).message);
		}
	}

	/**
	 * The next messages, at most `max`; undefined when the reading was ended by `end`.
	 *
	 * @throws `log_unavailable` when it failed.
	 */
	async next(max: number): Promise<readonly LogMessage[] | undefined> {
		while (this.#queue.length === 0) {
			if (this.#ended?.error) throw this.#ended.error;
			if (this.#ended) return undefined;
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		const batch = this.#queue.splice(0, max);
		for (const { data } of batch) this.#queuedBytes -= data.length;
		if (this.#flow && this.#queuedBytes <= MAX_QUEUED_BYTES) {
			this.#flow.respond();
			this.#flow = undefined;
		}
		return batch;
	}

	/** Ends the reading without an error; what is queued is forgotten. */
	end(): void {
		this.#queue = [];
		this.#finish({});
	}

	/** Ends the reading with an error, after what is queued. */
	fail(reason: string): void {
		this.#finish({ error: new CodedError("log_unavailable", `Reading the event log ended: ${reason}`) });
	}

	#finish(ended: { readonly error?: CodedError }): void {
		if (this.#ended) return;
		this.#ended = ended;
		clearTimeout(this.#heartbeat);
		this.#subscription?.unsubscribe();
		this.#forget();
		this.#wake?.();
	}

	#forget(): void {
		const { connection, manager } = this.#session;
		if (!this.#consumer || connection.isClosed()) return;
		// Best effort: the server forgets it by itself soon after.
		manager.consumers.delete(this.#options.stream, this.#consumer).catch(() => undefined);
		this.#consumer = undefined;
	}

	#receive(message: Msg): void {
		if (this.#ended) return;
		this.#heartbeat?.refresh();
		if (message.headers && message.headers.code >= 100 && message.data.length === 0) {
			this.#control(message);
			return;
		}
		const { position, delivery } = deliveryOf(message.reply ?? "");
		if (delivery !== this.#delivered + 1) {
			this.fail(`delivery ${delivery} followed ${this.#delivered}`);
			return;
		}
		// The server begins at its end when that lies before the position asked for.
		if (position <= this.#options.after) {
			this.fail(`position ${position} came, which is not after ${this.#options.after}`);
			return;
		}
		this.#delivered = delivery;
		this.#queue.push({ partition: this.#options.partition, position, data: message.data });
		this.#queuedBytes += message.data.length;
		this.#wake?.();
	}

	#control(message: Msg): void {
		const { headers } = message;
		if (headers && headers.code >= 300) {
			this.fail(headers.description);
			return;
		}
		if (message.reply) {
			if (this.#queuedBytes > MAX_QUEUED_BYTES) this.#flow = message;
			else message.respond();
			return;
		}
		const last = headers?.get("Nats-Last-Consumer");
		if (last && Number(last) !== this.#delivered) {
			this.fail(`delivery ${last} did not come`);
			return;
		}
		// The server waits for an answer to its question that was lost on the way.
		const stalled = headers?.get("Nats-Consumer-Stalled");
		if (stalled && !this.#flow) this.#session.connection.publish(stalled);
	}

	#expectHeartbeat(): void {
		this.#heartbeat = setTimeout(() => this.fail("the server is silent"), HEARTBEAT_MS * MISSED_HEARTBEATS);
	}
}

/**
 * Stream sequence and number of the delivery, which the server puts into the reply subject.
 *
 * @see https://github.com/nats-io/nats-architecture-and-design/blob/main/adr/ADR-15.md JetStream subjects
 */
function deliveryOf(reply: string): { position: Position; delivery: number } {
	const tokens = reply.split(".");
	const first = tokens.length === 9 ? 5 : 7;
	return { position: Number(tokens[first]), delivery: Number(tokens[first + 1]) };
}
