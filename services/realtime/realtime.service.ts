/**
 * Live numbers for browsers over Socket.IO: connections, channels, recovery, heartbeat. What was counted comes as
 * announcements that may be lost, so every channel knows the position it shows and reads again when one is missing.
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import SocketIOService from "moleculer-io";
import { Gauge } from "prom-client";
import { CodedError } from "../../contracts/errors.ts";
import { NAMESPACES, type Welcome } from "../../contracts/live.ts";
import { type ActionsOf, broadcast, call, type EventsOf } from "../../platform/actors.ts";
import { ADMINISTRATOR, isAdminKey } from "../../platform/admin-key.ts";
import type { Platform } from "../../platform/platform.ts";
import { type Admitted, Refusal } from "./admission.ts";
import { LiveNode } from "./live-node.ts";
import { DEFAULT_OPTIONS, type RealtimeOptions } from "./options.ts";
import { guard, namespaces } from "./socket-handlers.ts";
import { SocketPort } from "./socket-port.ts";
import type { IoMixed, IoSocket } from "./sockets.ts";

type Settings = ServiceSettingSchema & {
	/** `handlers` are made of the namespaces by the mixin. */
	io: { namespaces: Record<string, object>; handlers?: Record<string, object> };
};

type Methods = {
	/** Admits a socket to its namespace; what is thrown is what the client is refused with. */
	socketAuthorize(socket: IoSocket): Promise<void>;
	/** A socket was admitted: from here on it is a connection. */
	welcome(socket: IoSocket): void;
	makeLiveNode(): LiveNode;
};

type This = Service<Settings> & IoMixed & Methods;

const MAX_MESSAGE_BYTES = 64 * 1024;
/** A client that says nothing for interval and time-out is gone, ms. */
const PING_INTERVAL_MS = 5_000;
const PING_TIMEOUT_MS = 5_000;
/** How long a new connection may take to join a namespace, ms. */
const CONNECT_MS = 10_000;
/** Jobs are shown as the first page of their list over HTTP is; there are far fewer. */
const JOBS_PAGE = 50;
/** How long farewells may take to be written, ms. */
const FAREWELL_MS = 100;

/** The realtime actor. Options are for tests; the defaults are what is promised. */
export default function realtime(
	platform: Platform,
	overrides: Partial<RealtimeOptions> = {},
): ServiceSchema<Settings, Methods, IoMixed> {
	const { config, http } = platform;
	const options: RealtimeOptions = { ...DEFAULT_OPTIONS, ...overrides };
	const within = { timeout: options.patienceMs };
	const admitted = new WeakMap<IoSocket, Admitted>();
	let live: LiveNode;

	const actions: ActionsOf<"realtime", This> = {
		connect: {
			params: { connection: "string", namespace: "string", credential: "object" },
			handler({ params: { connection, namespace, credential } }) {
				if (!live.connections.has(connection, namespace)) throw new CodedError("not_found", "No such connection here");
				live.connections.connect(connection, namespace, credential);
				return { connections: live.connections.size };
			},
		},
		disconnect: {
			params: { connection: "string", reason: { type: "enum", values: ["slow", "revoked", "draining", "limit"] } },
			handler: ({ params }) => ({ found: live.connections.disconnect(params.connection, params.reason) }),
		},
		subscribe: {
			params: { connection: "string", namespace: "string", channel: "string" },
			async handler({ params: { connection, namespace, channel } }) {
				let ok = false;
				if (!live.connections.has(connection, namespace)) return { ok };
				await live.connections.subscribe(connection, { channel }, (reply) => {
					ok = reply.ok;
				});
				return { ok };
			},
		},
		unsubscribe: {
			params: { connection: "string", namespace: "string", channel: "string" },
			async handler({ params: { connection, namespace, channel } }) {
				let ok = false;
				if (!live.connections.has(connection, namespace)) return { ok };
				await live.connections.unsubscribe(connection, { channel }, (reply) => {
					ok = reply.ok;
				});
				return { ok };
			},
		},
		broadcast: {
			params: { organisation: "string", namespace: "string", channel: "string", event: "string", data: "any" },
			handler({ params: { organisation, namespace, channel, event, data } }) {
				const held = live.channels.find({ organisation, namespace, name: channel });
				return { sent: held ? live.connections.broadcast(held, event, data) : 0 };
			},
		},
		stats: {
			handler: () => ({ connections: live.connections.size, channels: live.channels.size }),
		},
	};

	const events: EventsOf<This> = {
		"scans.committed": { handler: ({ params }) => live.channels.committed(params) },
		"scans.position": { handler: ({ params }) => live.channels.position(params) },
		"accounts.changed": {
			handler({ params: { organisation, credential, timeZone } }) {
				if (credential !== undefined) live.connections.revoke(organisation, credential);
				if (timeZone !== undefined) live.channels.reload(organisation);
			},
		},
		"cron.changed": { handler: () => live.channels.refreshJobs() },
		"realtime.presence": { handler: ({ params }) => live.presence.hear(params, Date.now()) },
	};

	const methods: ServiceMethods & Methods & ThisType<This> = {
		async socketAuthorize(socket) {
			const proof = await live.admission.admit(socket.nsp.name, socket.handshake);
			if (live.connections.isFull) throw new Refusal("overloaded");
			admitted.set(socket, proof);
		},

		welcome(socket) {
			const proof = admitted.get(socket);
			if (!proof) return socket.disconnect(true);
			live.connections.connect(socket.id, socket.nsp.name, proof.credential, proof.token);
			guard(socket, live.connections);
			socket.on("disconnect", () => live.connections.ended(socket.id));
			const { nodeID: node } = this.broker;
			const { heartbeatMs } = config;
			const welcome: Welcome = { connectionId: socket.id, node, heartbeatMs, serverTime: new Date().toISOString() };
			socket.emit("welcome", welcome);
		},

		makeLiveNode() {
			const { broker, logger } = this;
			return new LiveNode({
				node: broker.nodeID,
				heartbeatMs: config.heartbeatMs,
				options,
				port: new SocketPort(() => this.io),
				admission: {
					allowedOrigins: () => [http.publicUrl(), ...config.allowedOrigins],
					administratorOf: (token) => (isAdminKey(token, config.adminKey) ? ADMINISTRATOR : null),
					prove: (token) => call(broker, "accounts.authenticate", { token }, within),
				},
				sources: {
					state: (organisation, code) => call(broker, "analytics.state", { organisation, code }, within),
					feed: (organisation, code, limit) => call(broker, "analytics.feed", { organisation, code, limit }, within),
					ledger: (organisation) => call(broker, "analytics.ledger", { organisation }, within),
					health: () => call(broker, "gateway.health", {}, within),
					async jobs() {
						const rows = await call(broker, "cron.jobs", {}, within);
						return { rows, total: rows.length, page: 1, pageSize: JOBS_PAGE };
					},
					async hasCode(organisation, id) {
						const code = await call(broker, "codes.route", { organisation, reference: id }, within);
						return code !== null && code.id === id && !code.deleted;
					},
					missed: (partition, position, how) =>
						logger.warn(`Partition ${partition} up to ${position} was not heard of (${how}): reading again`),
					failed: (channel, error) => logger.warn(`State of ${channel} cannot be read:`, (error as Error).message),
				},
				tellPresence: (report) => broadcast(broker, "realtime.presence", report),
			});
		},
	};

	return {
		name: "realtime",
		mixins: [SocketIOService as Partial<ServiceSchema>],
		settings: { $secureSettings: ["io"], io: { namespaces: namespaces(() => live.connections) } },
		// The mixin's own actions are none of ours.
		actions: { ...actions, call: false, getClients: false },
		events,
		methods,
		created() {
			// The mixin's own namespace would call any action of any actor, for anybody.
			delete this.settings.io.namespaces["/"];
			delete this.settings.io.handlers?.["/"];
			live = this.makeLiveNode();
			new Gauge({
				name: "scanpulse_realtime_connections",
				help: "Connections of clients to this node",
				registers: [platform.metrics],
				collect() {
					this.set(live.connections.size);
				},
			});
			this.initSocketIO(http.realtimeServer(), {
				path: "/socket.io",
				transports: ["websocket"],
				serveClient: false,
				perMessageDeflate: false,
				maxHttpBufferSize: MAX_MESSAGE_BYTES,
				pingInterval: PING_INTERVAL_MS,
				pingTimeout: PING_TIMEOUT_MS,
				connectTimeout: CONNECT_MS,
			});
		},
		async started() {
			this.io.of("/").use((_socket, next) => next(new Refusal("unauthorized")));
			for (const namespace of NAMESPACES) this.io.of(namespace).on("connection", (socket) => this.welcome(socket));
			live.start();
		},
		async stopped() {
			live.stop();
			await delay(FAREWELL_MS);
		},
	};
}
