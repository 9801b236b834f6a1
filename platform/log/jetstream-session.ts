/**
 * One connection to NATS with the log's stream proven to be there. A session never mends itself: when its connection is
 * lost it ends, and the next one proves the stream anew, so that nobody goes on reading or writing a stream that was made
 * again meanwhile without noticing.
 */

import {
	connect,
	DiscardPolicy,
	type JetStreamManager,
	type NatsConnection,
	RetentionPolicy,
	StorageType,
	type StreamInfo,
} from "nats";
import { CodedError } from "../../contracts/errors.ts";
import { natsCredentials } from "../nats-credentials.ts";

const CONNECT_TIMEOUT_MS = 1500;
/** A connection on which the server is silent for two of these is dead. */
const PING_INTERVAL_MS = 2000;
const DEFAULT_MAX_BYTES = 4 * 1024 ** 3;
const STREAM_NOT_FOUND = 10059;
const STREAM_NAME_IN_USE = 10058;

export interface StreamOptions {
	readonly servers: readonly string[];
	readonly stream: string;
	/** Partitions that a stream must have, or gets when it is made. */
	readonly partitions: number;
	/** False when any number of partitions will do for a stream that is there. */
	readonly partitionsMatter: boolean;
	/** Limit of a stream that is made here; one that is there is given more room, never less. @defaultValue 4 GiB */
	readonly maxBytes?: number;
	readonly replicas: number;
	readonly requestTimeoutMs: number;
	/** Told when NATS does not give a stream more room. */
	readonly logger?: { warn(message: string): void };
}

export interface JetStreamSession {
	readonly connection: NatsConnection;
	readonly manager: JetStreamManager;
	/** The stream's identity: its name and when it was made, because a stream that is made again is another log. */
	readonly id: string;
	readonly partitions: number;
}

/** The subject of a partition's messages. */
export function partitionSubject(stream: string, partition: number): string {
	return `${stream.toLowerCase()}.log.${partition}`;
}

/** The identity of a stream. nats-server 2.9 keeps no metadata of ours, but when a stream was made, to the nanosecond. */
export function streamIdentity(info: {
	readonly config: { readonly name: string };
	readonly created: unknown;
}): string {
	return `${info.config.name}@${info.created}`;
}

/**
 * Connects, and makes the stream when it is absent; several processes may do so at once.
 *
 * @throws `conflict` when the stream has another number of partitions; anything else means that NATS is away.
 */
export async function openSession(options: StreamOptions): Promise<JetStreamSession> {
	const connection = await connect({
		...natsCredentials(options.servers),
		servers: [...options.servers],
		reconnect: false,
		timeout: CONNECT_TIMEOUT_MS,
		pingInterval: PING_INTERVAL_MS,
		maxPingOut: 2,
		noAsyncTraces: true,
		name: "scanpulse-log",
	});
	try {
		const manager = await connection.jetstreamManager({ timeout: options.requestTimeoutMs, checkAPI: false });
		const info = await ensureStream(manager, options);
		const partitions = partitionsOf(options.stream, info.config.subjects);
		if (options.partitionsMatter && partitions !== options.partitions)
			throw new CodedError(
				"conflict",
				`PARTITIONS is ${options.partitions}, but the event log ${options.stream} in NATS was made with ${partitions} and keeps them for its life`,
			);
		return { connection, manager, id: streamIdentity(info), partitions };
	} catch (error) {
		await connection.close();
		throw error;
	}
}

async function ensureStream(manager: JetStreamManager, options: StreamOptions) {
	const { stream, partitions, maxBytes = DEFAULT_MAX_BYTES, replicas } = options;
	try {
		return await withRoom(manager, await manager.streams.info(stream), options);
	} catch (error) {
		if (apiErrorOf(error) !== STREAM_NOT_FOUND) throw error;
	}
	try {
		return await manager.streams.add({
			name: stream,
			subjects: Array.from({ length: partitions }, (_, partition) => partitionSubject(stream, partition)),
			storage: StorageType.File,
			retention: RetentionPolicy.Limits,
			discard: DiscardPolicy.New,
			max_bytes: maxBytes,
			num_replicas: replicas,
		});
	} catch (error) {
		// Another process made it in between, with other settings than ours: its stream stands.
		if (apiErrorOf(error) !== STREAM_NAME_IN_USE) throw error;
		return manager.streams.info(stream);
	}
}

/**
 * Never less room: a server may make room by forgetting what was not counted yet. Processes that are told different sizes
 * agree on the largest.
 */
async function withRoom(manager: JetStreamManager, info: StreamInfo, { maxBytes, logger }: StreamOptions) {
	const { name, max_bytes: present } = info.config;
	if (maxBytes === undefined || present < 0 || present >= maxBytes) return info;
	try {
		return await manager.streams.update(name, { max_bytes: maxBytes });
	} catch (error) {
		if (apiErrorOf(error) === undefined) throw error;
		logger?.warn(`The event log ${name} in NATS stays at ${present} bytes: ${(error as Error).message}`);
		return info;
	}
}

function partitionsOf(stream: string, subjects: readonly string[]): number {
	const expected = new Set(subjects.map((_, partition) => partitionSubject(stream, partition)));
	if (subjects.length > 0 && subjects.every((subject) => expected.has(subject))) return subjects.length;
	throw new CodedError("conflict", `The stream ${stream} in NATS is no event log: it has the subjects ${subjects}`);
}

/** The number of an error that JetStream answered with, or undefined when it is none. */
export function apiErrorOf(error: unknown): number | undefined {
	return (error as { api_error?: { err_code?: number } } | null)?.api_error?.err_code;
}
