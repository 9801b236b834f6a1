/*
 * Realtime nodes as they run, with sockets and a broker, and beside them a source of truth that plays those who count,
 * read and know credentials. Every second or less it says where its partitions stand, until it is told to be silent.
 */
import { Errors, ServiceBroker, type ServiceSchema } from "moleculer";
import { io, type Socket } from "socket.io-client";
import type { Credential, Scope } from "../../contracts/account.ts";
import type { ActionName, Params, Result } from "../../contracts/actions.ts";
import type { ScansCommitted } from "../../contracts/events.ts";
import type { Bye, PositionBeat, SubscribeReply, Update, Welcome } from "../../contracts/live.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { broadcast } from "../../platform/actors.ts";
import { readConfig } from "../../platform/config.ts";
import type { RealtimeOptions } from "../../services/realtime/options.ts";
import realtime from "../../services/realtime/realtime.service.ts";
import { runActor } from "../harness/actor.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { type Added, ORGANISATION, Truth } from "./truth.ts";

const BEAT_MS = 200;
export const ADMIN_KEY = "administrator-key-of-tests";

export interface ClusterOptions {
	readonly partitions?: number;
	/** Nodes of realtime; more than one need `natsUrl`. @defaultValue 1 */
	readonly nodes?: number;
	readonly natsUrl?: string;
	readonly options?: Partial<RealtimeOptions>;
	readonly env?: Readonly<Record<string, string>>;
}

export interface RealtimeNode {
	readonly url: string;
	call<A extends ActionName>(action: A, params: Params<A>): Promise<Result<A>>;
	stop(): Promise<void>;
}

export interface Cluster {
	readonly truth: Truth;
	readonly nodes: readonly RealtimeNode[];
	readonly credentials: Map<string, Credential>;
	/** Readings fail while it is set. */
	unreadable: boolean;
	/** No beats while it is set. */
	silent: boolean;
	/** Counts scans and announces them, unless they are to be lost on the way. */
	count(added: readonly Added[], partition?: number, lost?: boolean): ScansCommitted;
	broadcast: ServiceBroker["broadcast"];
	/** A token with these scopes. */
	token(scopes: readonly Scope[], more?: Partial<Credential>): string;
}

export async function startCluster({
	partitions = 1,
	nodes = 1,
	natsUrl,
	options = {},
	env = {},
}: ClusterOptions = {}): Promise<Cluster> {
	const truth = new Truth(partitions);
	const credentials = new Map<string, Credential>();
	const variables = { PORT: "0", SCANPULSE_ADMIN_KEY: ADMIN_KEY, HEARTBEAT_MS: "400", NATS_URL: natsUrl, ...env };
	const cluster = { unreadable: false, silent: false };
	const readable = <T>(reading: () => T): T => {
		if (cluster.unreadable) throw new Errors.MoleculerError("The store is away", 503, "unavailable");
		return reading();
	};
	const others: ServiceSchema[] = [
		actor("analytics", {
			state: ({ code }: Params<"analytics.state">) => readable(() => truth.state(code)),
			feed: ({ code, limit }: Params<"analytics.feed">) => readable(() => truth.feed(code, limit)),
			ledger: () => ({ accepted: truth.counts().scans, stored: truth.counts().scans, balanced: true }),
		}),
		actor("codes", {
			route: ({ organisation, reference }: Params<"codes.route">) =>
				organisation === ORGANISATION && reference.startsWith("code-") ? { id: reference, organisation } : null,
		}),
		actor("accounts", {
			authenticate: ({ token }: Params<"accounts.authenticate">) => credentials.get(token) ?? null,
		}),
		actor("cron", { jobs: () => [{ name: "audit" }] }),
		actor("gateway", { health: () => ({ status: "ok", checks: {} }) }),
	];

	let teller: ServiceBroker;
	const running: RealtimeNode[] = [];
	const service = (platform: Parameters<typeof realtime>[0]) => realtime(platform, options) as unknown as ServiceSchema;
	for (let i = 0; i < nodes; i++) {
		const beside = natsUrl === undefined ? others : [];
		const actor = await runActor(service, { env: { ...variables, NODE_ID: `realtime-${i}` }, beside });
		running.push({ url: await actor.platform.http.listen(), call: actor.call, stop: actor.stop });
		teller = actor.broker;
	}
	if (natsUrl !== undefined) {
		const config = readConfig({ ...variables, NODE_ID: "truth", LOG_LEVEL: "fatal" });
		teller = new ServiceBroker(brokerOptions(config));
		for (const schema of others) teller.createService(schema);
		await teller.start();
		atEndOfFile(() => teller.stop());
	}

	const beating = setInterval(() => {
		if (cluster.silent) return;
		for (let partition = 0; partition < partitions; partition++) {
			broadcast(teller, "scans.position", truth.beat(partition));
		}
	}, BEAT_MS);
	atEndOfFile(async () => clearInterval(beating));

	return Object.assign(cluster, {
		truth,
		nodes: running,
		credentials,
		count(added: readonly Added[], partition = 0, lost = false) {
			const announcement = truth.commit(partition, added);
			if (!lost) broadcast(teller, "scans.committed", announcement);
			return announcement;
		},
		broadcast: ((event: string, payload: unknown) => teller.broadcast(event, payload)) as ServiceBroker["broadcast"],
		token(scopes: readonly Scope[], more: Partial<Credential> = {}) {
			const token = `token-${credentials.size + 1}`;
			credentials.set(token, { kind: "key", id: `id of ${token}`, organisation: ORGANISATION, scopes, ...more });
			return token;
		},
	});
}

function actor(name: string, actions: Record<string, (params: never) => unknown>): ServiceSchema {
	const handlers = Object.entries(actions).map(([action, answer]) => [
		action,
		{ handler: async ({ params }: { params: unknown }) => answer(params as never) },
	]);
	return { name, actions: Object.fromEntries(handlers) } as ServiceSchema;
}

export interface ClientOptions {
	readonly token?: string;
	readonly headers?: Readonly<Record<string, string>>;
	/** @defaultValue `/analytics` */
	readonly namespace?: string;
}

/** A real client, and everything that it was told. */
export class Client {
	readonly socket: Socket;
	readonly heard: [event: string, payload: unknown][] = [];

	constructor(url: string, { token, headers = {}, namespace = "/analytics" }: ClientOptions = {}) {
		this.socket = io(`${url}${namespace}`, {
			auth: token === undefined ? {} : { token },
			transports: ["websocket"],
			extraHeaders: { ...headers },
			forceNew: true,
			reconnection: false,
		});
		this.socket.onAny((event: string, payload: unknown) => this.heard.push([event, payload]));
		this.socket.on("disconnect", (reason) => this.heard.push(["disconnect", reason]));
		atEndOfFile(async () => void this.socket.disconnect());
	}

	/** Resolves when it is let in. @throws the error that it was refused with */
	async connected(): Promise<this> {
		await new Promise<void>((resolve, reject) => {
			this.socket.once("connect", resolve);
			this.socket.once("connect_error", reject);
		});
		return this;
	}

	ask(event: string, payload: unknown): Promise<SubscribeReply & { count?: number }> {
		return this.socket.timeout(5_000).emitWithAck(event, payload);
	}

	/** Subscribes. @throws when it is refused */
	async subscribe(channel: string, since?: object): Promise<Exclude<SubscribeReply, { ok: false }>> {
		const reply = await this.ask("subscribe", { channel, since });
		if (!reply.ok) throw new Error(reply.error.code);
		return reply;
	}

	all(event: "update"): Update[];
	all(event: "position"): PositionBeat[];
	all(event: "bye"): Bye[];
	all(event: "welcome"): Welcome[];
	all(event: "disconnect"): string[];
	all(event: string): unknown[] {
		return this.heard.filter(([name]) => name === event).map(([, payload]) => payload);
	}
}
