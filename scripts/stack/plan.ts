/*
 * Which processes make up the clustered product on one machine, and what each is told: one process an actor, two of those
 * whose loss a user would notice at once. A pure function, so that the stack, its tests and docker-compose.yml agree.
 */
import path from "node:path";
import { ACTORS, type ActorName } from "../../platform/config.ts";
import type { Turn } from "../servers/yielding.ts";

/** Two gateways, two scans, two realtime nodes: any one of them may die while scans are taken, counted and shown. */
const PROCESSES_PER_ACTOR: Readonly<Record<ActorName, number>> = {
	gateway: 2,
	codes: 1,
	scans: 2,
	analytics: 1,
	cache: 1,
	realtime: 2,
	cron: 1,
	accounts: 1,
};

export interface PlanOptions {
	/** Holds data, logs and state of the whole stack. */
	readonly dir: string;
	/** Where every gateway listens. */
	readonly port: number;
	/** Where every realtime node listens. */
	readonly realtimePort: number;
	readonly natsUrl: string;
	readonly redisUrl: string;
	readonly mongoUrl: string;
	/** Variables for every process besides those of the topology. */
	readonly env?: Readonly<Record<string, string>>;
}

export interface ProcessPlan {
	/** The actor and its number, such as `gateway-2`. */
	readonly name: string;
	readonly actor: ActorName;
	readonly logFile: string;
	readonly turn: Turn;
	/** The product's variables for this process, nothing else. */
	readonly env: Readonly<Record<string, string>>;
}

/** Variables that the stack decides itself, whatever the shell or the caller has set. */
export const TOPOLOGY: readonly string[] = [
	...["PORT", "REALTIME_PORT", "SERVICES", "DATA_DIR", "NODE_ID"],
	...["NATS_URL", "REDIS_URL", "MONGO_URL"],
];

/**
 * Plans every process of the stack.
 *
 * @throws Error when `env` sets a variable that the topology decides.
 */
export function planProcesses(options: PlanOptions): ProcessPlan[] {
	const taken = Object.keys(options.env ?? {}).filter((name) => TOPOLOGY.includes(name));
	if (taken.length > 0) throw new Error(`${taken.join(", ")} cannot be set for the stack: it decides that itself.`);
	const everybody = {
		HOST: "127.0.0.1",
		PUBLIC_URL: `http://localhost:${options.port}`,
		REALTIME_URL: `http://localhost:${options.realtimePort}`,
		METRICS_PORT: "0",
		LOG_FORMAT: "json",
		NODE_ENV: "production",
		...options.env,
		NATS_URL: options.natsUrl,
		REDIS_URL: options.redisUrl,
		MONGO_URL: options.mongoUrl,
	};
	return ACTORS.flatMap((actor) =>
		Array.from({ length: PROCESSES_PER_ACTOR[actor] }, (_, index) => {
			const name = `${actor}-${index + 1}`;
			return {
				name,
				actor,
				logFile: path.join(options.dir, "logs", `${name}.log`),
				turn: turnOf(actor),
				env: {
					...everybody,
					SERVICES: actor,
					PORT: String(actor === "gateway" ? options.port : 0),
					...(actor === "realtime" ? { REALTIME_PORT: String(options.realtimePort) } : {}),
					// Side by side, so that a gateway finds the spools that a dead one left.
					DATA_DIR: path.join(options.dir, "data", name),
				},
			};
		}),
	);
}

/** No phone waits for what is behind the event log, and what is read may wait for what is counted. */
function turnOf(actor: ActorName): Turn {
	if (actor === "gateway") return "first";
	return actor === "analytics" || actor === "cron" ? "last" : "second";
}
