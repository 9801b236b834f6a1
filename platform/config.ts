/**
 * The only reader of the environment. Everything is validated once, frozen, and described well enough to be printed by
 * `--help`; a bad value stops the start and says what came and what was expected.
 */

import { hostname } from "node:os";
import { z } from "zod";
import { FOLDER_NUMBER } from "./data-dir.ts";

export const ACTORS = ["gateway", "codes", "scans", "analytics", "cache", "realtime", "cron", "accounts"] as const;
export type ActorName = (typeof ACTORS)[number];

const port = (what: string) =>
	z
		.string()
		.regex(/^\d{1,5}$/, `a port, 0–65535 (${what})`)
		.transform(Number)
		.refine((value) => value <= 65_535, `a port, 0–65535 (${what})`);

const whole = (least: number, most: number, unit: string) =>
	z
		.string()
		.regex(/^\d{1,12}$/, `a whole number ${least}–${most} (${unit})`)
		.transform(Number)
		.refine((value) => value >= least && value <= most, `a whole number ${least}–${most} (${unit})`);

/** The members after the first in the address of a MongoDB replica set, which URLs in general cannot have. */
const FURTHER_MEMBERS = /^(mongodb:\/\/(?:[^@/]*@)?[^,/@]+)(?:,[^,/@:]+(?::\d{1,5})?)+(?=\/|$)/;

const address = (...protocols: string[]) =>
	z.string().refine(
		(value) => {
			const url = URL.parse(value.replace(FURTHER_MEMBERS, "$1"));
			return url !== null && protocols.includes(url.protocol);
		},
		`an address that begins with ${protocols.map((protocol) => `${protocol}//`).join(" or ")}`,
	);

const origin = z
	.string()
	.refine((value) => {
		const url = URL.parse(value);
		return (
			url !== null && ["http:", "https:"].includes(url.protocol) && url.pathname === "/" && !url.search && !url.hash
		);
	}, "an origin such as https://scan.example.org, without a path")
	.transform((value) => new URL(value).origin);

const onOff = z.enum(["on", "off"], "on or off").transform((value) => value === "on");

const list = <T>(item: z.ZodType<T, string>) =>
	z
		.string()
		.transform((value) =>
			value
				.split(",")
				.map((entry) => entry.trim())
				.filter(Boolean),
		)
		.pipe(z.array(item));

const variables = {
	PORT: port("0 takes a free one")
		.default(3000)
		.describe("HTTP and Socket.IO; 0 takes a free port, which the ready line names"),
	HOST: z.string().min(1, "an address to listen on").default("127.0.0.1").describe("address to listen on"),
	PUBLIC_URL: origin.optional().describe("what QR codes encode; http://localhost:PORT when unset"),
	DATA_DIR: z
		.string()
		.min(1, "a folder")
		.default("./data")
		.describe(
			`everything the embedded parts and the spool write; ${FOLDER_NUMBER} in it takes the first folder that is free`,
		),
	NATS_URL: list(address("nats:", "tls:"))
		.optional()
		.describe("NATS with JetStream, replaces the embedded event log (commas between servers)"),
	REDIS_URL: address("redis:", "rediss:").optional().describe("Redis, the cache's second tier"),
	MONGO_URL: address("mongodb:", "mongodb+srv:")
		.optional()
		.describe("MongoDB replica set, replaces the embedded store"),
	REALTIME_PORT: port("where Socket.IO listens").optional().describe("where Socket.IO listens; PORT when unset"),
	REALTIME_URL: origin.optional().describe("what browsers are told; the same origin when unset"),
	SERVICES: list(z.enum(ACTORS, `actors among ${ACTORS.join(", ")}`))
		.refine((value) => value.length > 0, `actors among ${ACTORS.join(", ")}`)
		.optional()
		.describe("comma-separated actors that this process runs; all when unset"),
	NODE_ID: z
		.string()
		.regex(/^[A-Za-z0-9._-]{1,100}$/, "1–100 of A-Z a-z 0-9 . _ -")
		.optional()
		.describe("Moleculer node id; host-pid when unset"),
	PARTITIONS: whole(1, 1024, "partitions")
		.optional()
		.describe("partitions of the event log, fixed for its life; 1 embedded, 4 with NATS"),
	LOG_REPLICAS: z
		.enum(["1", "3", "5"], "1, 3 or 5 (copies)")
		.transform(Number)
		.default(1)
		.describe("copies that NATS keeps of a new event log, on as many servers"),
	LOG_MAX_MIB: whole(16, 1_048_576, "MiB")
		.optional()
		.describe("most that the event log holds, MiB; 4096 with NATS, else what the disk has; beyond, spools take over"),
	SCANPULSE_ADMIN_KEY: z
		.string()
		.regex(/^[\x21-\x7e]{16,256}$/, "16–256 printable ASCII characters")
		.optional()
		.describe("an API key with every scope in the default organisation"),
	RATE_LIMITS: onOff.default(true).describe("off for load generators"),
	MAX_INFLIGHT: whole(1, 1_000_000, "requests")
		.default(256)
		.describe(
			"requests under way at once in a gateway: posts of scans, and others than redirects; beyond, 503 at once",
		),
	ALLOW_PRIVATE_DESTINATIONS: onOff.default(false).describe("codes may lead to private and loopback hosts"),
	REDIRECT_PATIENCE_MS: whole(0, 10_000, "ms")
		.default(25)
		.describe("how long a redirect waits for its scan to be durable, ms"),
	ALLOWED_ORIGINS: list(origin).default([]).describe("browser origins besides PUBLIC_URL's and the request's own host"),
	TRUST_PROXY: whole(0, 32, "proxies").default(0).describe("how many proxies in front may set X-Forwarded-For"),
	RETENTION_DAYS: whole(1, 36_500, "days").default(400).describe("how long raw scans live, days"),
	GEOIP_DB: z
		.string()
		.min(1, "a MaxMind-format file")
		.optional()
		.describe("a MaxMind-format file (country or city); the bundled country table when unset"),
	METRICS_PORT: port("0 turns metrics off").optional().describe("Prometheus /metrics; 3030 when unset, 0 turns it off"),
	LOG_LEVEL: z
		.enum(["fatal", "error", "warn", "info", "debug", "trace"], "fatal, error, warn, info, debug or trace")
		.default("info")
		.describe("least level that is logged"),
	LOG_FORMAT: z.enum(["pretty", "json"], "pretty or json").optional().describe("pretty on a terminal, else json"),
	HEARTBEAT_MS: whole(100, 60_000, "ms").default(5_000).describe("longest silence on a live channel, ms"),
	NODE_ENV: z.string().optional().describe("production leaves the dashboard as it was built"),
} as const;

const DEFAULT_METRICS_PORT = 3030;

export interface Config {
	readonly port: number;
	readonly host: string;
	/** Without a value, `http://localhost:` and the port in use (see platform/http.ts). */
	readonly publicUrl: string | undefined;
	readonly dataDir: string;
	readonly natsServers: readonly string[] | undefined;
	readonly redisUrl: string | undefined;
	readonly mongoUrl: string | undefined;
	readonly realtimePort: number | undefined;
	readonly realtimeUrl: string | undefined;
	readonly services: readonly ActorName[];
	/**
	 * A process that runs only some actors may have equals beside it on its machine: it listens with `reusePort`, so that
	 * they share a port and the system spreads connections over them.
	 */
	readonly sharedPorts: boolean;
	readonly nodeId: string;
	/** Undefined: what the log has, or the default of its kind when it is made. */
	readonly partitions: number | undefined;
	/** Of a log that is made in NATS; one that is there keeps what it has. */
	readonly logReplicas: number;
	/** Undefined: the default of the log's kind. One that is there in NATS is given more room, never less. */
	readonly logMaxBytes: number | undefined;
	readonly adminKey: string | undefined;
	readonly rateLimits: boolean;
	readonly maxInflight: number;
	readonly allowPrivateDestinations: boolean;
	readonly redirectPatienceMs: number;
	readonly allowedOrigins: readonly string[];
	readonly trustProxy: number;
	readonly retentionDays: number;
	readonly geoipDb: string | undefined;
	readonly metricsPort: number;
	/** An explicit metrics port that is taken stops the start; the default one is only a warning. */
	readonly metricsPortExplicit: boolean;
	readonly logLevel: "fatal" | "error" | "warn" | "info" | "debug" | "trace";
	readonly logFormat: "pretty" | "json";
	readonly heartbeatMs: number;
	readonly production: boolean;
}

/** A value of the environment that cannot be used; the message has one line a variable. */
export class ConfigError extends Error {
	override name = "ConfigError";
}

/**
 * Reads and validates the environment.
 *
 * @throws {ConfigError} naming each bad variable, its value and what was expected.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
	const set = Object.fromEntries(Object.keys(variables).map((name) => [name, environment[name] || undefined]));
	const parsed = z.object(variables).safeParse(set);
	if (!parsed.success) {
		throw new ConfigError(
			parsed.error.issues.map((issue) => complaint(String(issue.path[0]), set, issue.message)).join("\n"),
		);
	}
	const env = parsed.data;
	const services = [...new Set(env.SERVICES ?? ACTORS)];
	if (services.length < ACTORS.length) {
		needServers(env, `SERVICES=${services.join(",")} runs some of the actors only, which reach the others through it`);
	}
	if (env.DATA_DIR.includes(FOLDER_NUMBER)) {
		needServers(
			env,
			`DATA_DIR=${env.DATA_DIR} is any of several folders, and what is counted must not be in one of them`,
		);
	}
	return Object.freeze({
		port: env.PORT,
		host: env.HOST,
		publicUrl: env.PUBLIC_URL,
		dataDir: env.DATA_DIR,
		natsServers: env.NATS_URL,
		redisUrl: env.REDIS_URL,
		mongoUrl: env.MONGO_URL,
		realtimePort: env.REALTIME_PORT,
		realtimeUrl: env.REALTIME_URL,
		services: Object.freeze(services),
		sharedPorts: services.length < ACTORS.length,
		nodeId: env.NODE_ID ?? `${hostname()}-${process.pid}`,
		partitions: env.PARTITIONS,
		logReplicas: env.LOG_REPLICAS,
		logMaxBytes: env.LOG_MAX_MIB === undefined ? undefined : env.LOG_MAX_MIB * 1024 ** 2,
		adminKey: env.SCANPULSE_ADMIN_KEY,
		rateLimits: env.RATE_LIMITS,
		maxInflight: env.MAX_INFLIGHT,
		allowPrivateDestinations: env.ALLOW_PRIVATE_DESTINATIONS,
		redirectPatienceMs: env.REDIRECT_PATIENCE_MS,
		allowedOrigins: Object.freeze(env.ALLOWED_ORIGINS),
		trustProxy: env.TRUST_PROXY,
		retentionDays: env.RETENTION_DAYS,
		geoipDb: env.GEOIP_DB,
		metricsPort: env.METRICS_PORT ?? DEFAULT_METRICS_PORT,
		metricsPortExplicit: env.METRICS_PORT !== undefined,
		logLevel: env.LOG_LEVEL,
		logFormat: env.LOG_FORMAT ?? (process.stdout.isTTY ? "pretty" : "json"),
		heartbeatMs: env.HEARTBEAT_MS,
		production: env.NODE_ENV === "production",
	});
}

/** @throws {ConfigError} unless the event log and the store are outside of this process. */
function needServers(env: { readonly NATS_URL?: unknown; readonly MONGO_URL?: unknown }, reason: string): void {
	const missing = (["NATS_URL", "MONGO_URL"] as const).filter((name) => env[name] === undefined);
	if (missing.length === 0) return;
	throw new ConfigError(missing.map((name) => `${name} is not set: expected an address, because ${reason}`).join("\n"));
}

function complaint(name: string, set: Record<string, string | undefined>, expected: string): string {
	return `${name} is ${JSON.stringify(set[name])}: expected ${expected}`;
}

/** Every variable with its default and meaning, for `--help`. */
export function describeVariables(): { name: string; defaultValue: string; meaning: string }[] {
	return Object.entries(variables).map(([name, schema]) => ({
		name,
		defaultValue: shownDefault(schema),
		meaning: z.globalRegistry.get(schema)?.description ?? "",
	}));
}

function shownDefault(schema: z.ZodType): string {
	const fallback = schema.safeParse(undefined);
	if (!fallback.success || fallback.data === undefined) return "unset";
	if (typeof fallback.data === "boolean") return fallback.data ? "on" : "off";
	return Array.isArray(fallback.data) && fallback.data.length === 0 ? "unset" : String(fallback.data);
}
