/*
 * Real servers on private ports of 127.0.0.1 with their data in a given folder: JetStream, Redis, and MongoDB as a replica
 * set of one. Each is ready when a client can use it, keeps port and data over a restart, and belongs to who started it.
 */
import { mkdir } from "node:fs/promises";
import { Redis } from "ioredis";
import { type Db, MongoClient } from "mongodb";
import { connect } from "nats";
import { freePort } from "./ports.ts";
import { type OwnedProcess, startProcess } from "./process.ts";
import { provision, type ServerName } from "./provision.ts";
import { until } from "./until.ts";
import type { Turn } from "./yielding.ts";

const READY_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 20_000;
const PORT_TRIES = 5;

export interface ServerOptions {
	/** The folder of its data, made when absent. */
	readonly dir: string;
	/** @defaultValue a free port, kept over restarts */
	readonly port?: number;
	/** A file to which its log is appended. */
	readonly logFile?: string;
	/** More command-line arguments for the server. */
	readonly args?: readonly string[];
	/** Whom it leaves the processor to. @defaultValue "first": nobody */
	readonly turn?: Turn;
}

export interface RunningServer {
	readonly url: string;
	readonly port: number;
	/** The process id now; another after `restart`. */
	readonly pid: number;
	/** What it has logged since it was last started. */
	output(): string;
	/** How the current process ended, undefined while it runs. */
	exit(): ReturnType<OwnedProcess["exit"]>;
	/** Resolves when the current process has ended. */
	readonly exited: OwnedProcess["exited"];
	/** Sends a signal (SIGKILL unless given) and resolves when the process has ended; at once for SIGSTOP and SIGCONT. */
	kill(signal?: NodeJS.Signals): Promise<void>;
	/** Lets it shut down orderly; it is killed when that takes longer than 20 s. */
	stop(): Promise<void>;
	/** Starts it again on the same port and data, after an orderly stop if it runs; resolves when it is ready. */
	restart(): Promise<void>;
}

interface Recipe {
	readonly name: ServerName;
	url(port: number): string;
	arguments(port: number): readonly string[];
	/** Resolves when a client can use it; throws while not. */
	ready(port: number): Promise<void>;
}

/** Starts nats-server with JetStream on file storage. */
export function startNats(options: ServerOptions): Promise<RunningServer> {
	return start(options, {
		name: "nats-server",
		url: (port) => `nats://127.0.0.1:${port}`,
		arguments: (port) => ["-js", "-sd", options.dir, "-a", "127.0.0.1", "-p", String(port)],
		async ready(port) {
			const client = await connect({ servers: `127.0.0.1:${port}`, reconnect: false, timeout: 1_000 });
			try {
				await client.jetstreamManager();
			} finally {
				await client.close();
			}
		},
	});
}

/** Starts redis-server with an append-only file, so that a restart finds what was written. */
export function startRedis(options: ServerOptions): Promise<RunningServer> {
	return start(options, {
		name: "redis-server",
		url: (port) => `redis://127.0.0.1:${port}`,
		arguments: (port) => ["--port", String(port), "--bind", "127.0.0.1", "--dir", options.dir, "--appendonly", "yes"],
		async ready(port) {
			const client = new Redis(port, "127.0.0.1", {
				lazyConnect: true,
				retryStrategy: () => null,
				maxRetriesPerRequest: 0,
			});
			client.on("error", () => undefined);
			try {
				await client.connect();
				await client.ping();
			} finally {
				client.disconnect();
			}
		},
	});
}

/** Starts mongod as a replica set of one, initiated and writable, so that transactions work. */
export function startMongo(options: ServerOptions): Promise<RunningServer> {
	return start(options, {
		name: "mongod",
		url: (port) => `mongodb://127.0.0.1:${port}/scanpulse?replicaSet=rs0`,
		arguments: (port) => [
			...["--replSet", "rs0", "--dbpath", options.dir, "--bind_ip", "127.0.0.1", "--port", String(port)],
			...["--wiredTigerCacheSizeGB", "0.5", "--oplogSize", "512", "--nounixsocket"],
			...["--setParameter", "diagnosticDataCollectionEnabled=false"],
		],
		ready: awaitPrimary,
	});
}

async function awaitPrimary(port: number): Promise<void> {
	const client = new MongoClient(`mongodb://127.0.0.1:${port}/?directConnection=true`, {
		serverSelectionTimeoutMS: 1_000,
	});
	try {
		const admin = client.db("admin");
		const hello = await admin.command({ hello: 1 });
		if (hello.isWritablePrimary) return;
		const host = `127.0.0.1:${port}`;
		if (!hello.setName && hello.isreplicaset) await makeReplicaSet(admin, host);
		throw new Error("mongod is not the primary of its replica set yet");
	} finally {
		await client.close();
	}
}

/** A fresh folder becomes a replica set; one that was last served on another port is told its new address. */
async function makeReplicaSet(admin: Db, host: string): Promise<void> {
	const last = await admin.command({ replSetGetConfig: 1 }).catch(() => undefined);
	if (!last) {
		await admin.command({ replSetInitiate: { _id: "rs0", members: [{ _id: 0, host }] } });
	} else if (last.config.members[0].host !== host) {
		const config = { ...last.config, version: last.config.version + 1, members: [{ ...last.config.members[0], host }] };
		await admin.command({ replSetReconfig: config, force: true });
	}
}

async function start(options: ServerOptions, recipe: Recipe): Promise<RunningServer> {
	const binary = await provision(recipe.name);
	await mkdir(options.dir, { recursive: true });
	let port = options.port ?? (await freePort());

	const launch = async () => {
		const owned = startProcess({
			command: binary,
			args: [...recipe.arguments(port), ...(options.args ?? [])],
			logFile: options.logFile,
			turn: options.turn,
		});
		const usable = until(() => owned.exit() !== undefined || recipe.ready(port).then(() => true), {
			what: `${recipe.name} to serve on port ${port}`,
			timeoutMs: READY_TIMEOUT_MS,
		});
		try {
			await usable;
			if (!owned.exit()) return owned;
			throw new Error(`${recipe.name} ended while starting (${JSON.stringify(owned.exit())}):\n${owned.output()}`);
		} catch (error) {
			await owned.kill();
			throw error;
		}
	};

	let current = await launchOnFreePort();
	async function launchOnFreePort(): Promise<OwnedProcess> {
		for (let attempt = 1; ; attempt++) {
			try {
				return await launch();
			} catch (error) {
				const taken = /address (already )?in use/i.test(String(error));
				if (!taken || options.port !== undefined || attempt === PORT_TRIES) throw error;
				port = await freePort();
			}
		}
	}

	return {
		url: recipe.url(port),
		port,
		get pid() {
			return current.pid;
		},
		output: () => current.output(),
		exit: () => current.exit(),
		get exited() {
			return current.exited;
		},
		kill: (signal) => current.kill(signal),
		stop: async () => void (await current.stop(STOP_GRACE_MS)),
		restart: async () => {
			await current.stop(STOP_GRACE_MS);
			current = await launch();
		},
	};
}
