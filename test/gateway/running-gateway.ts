/*
 * The gateway in this process, on a free port, with the real codes and accounts actors, a real event log file and a real
 * spool. What it made durable is read back from the log.
 */
import { rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { ServiceBroker } from "moleculer";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import { decodeMessage, type ScanMessage } from "../../platform/log/message.ts";
import { createPlatform } from "../../platform/platform.ts";
import { createSignInUrl } from "../../platform/sign-in.ts";
import accounts from "../../services/accounts/accounts.service.ts";
import codes from "../../services/codes/codes.service.ts";
import gateway from "../../services/gateway/gateway.service.ts";
import { type Api, api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";

export const ADMIN_KEY = "the-administrators-key-of-tests";
export const PHONE =
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Mobile/15E148 Safari/604.1";

export interface RunningGateway {
	readonly url: string;
	readonly api: Api;
	readonly broker: ServiceBroker;
	readonly dataDir: string;
	/** Stands between the gateway and its log: what it says is thrown instead of appending. */
	refuseAppends(error: unknown): void;
	/** Everything in the log, in order. */
	messages(): Promise<ScanMessage[]>;
	scans(): Promise<AcceptedScan[]>;
	/** A request that follows no redirect. */
	get(path: string, headers?: Readonly<Record<string, string>>): Promise<Response>;
	/** A one-time link, as the first start prints it. */
	signInUrl(): Promise<string>;
	/** Puts a file where the spool's folder is, so that nothing can be kept there. */
	breakSpool(): Promise<void>;
	/** Resolves, once `stop` has run, to how many scans are in the log file. */
	countAfterStop(): Promise<number>;
	stop(): Promise<void>;
}

/** @param without an actor that is away */
export async function startGateway(
	env: Readonly<Record<string, string>> = {},
	{ without }: { readonly without?: "codes" } = {},
): Promise<RunningGateway> {
	const dataDir = env.DATA_DIR ?? (await temporaryFolder());
	const config = readConfig({
		PORT: "0",
		SCANPULSE_ADMIN_KEY: ADMIN_KEY,
		RATE_LIMITS: "off",
		LOG_LEVEL: "fatal",
		REDIRECT_PATIENCE_MS: "2000",
		...env,
		DATA_DIR: dataDir,
	});
	const platform = createPlatform(config);
	const log = await platform.log();
	let refusal: unknown;
	const fragile: EventLog = Object.create(log, {
		id: { value: log.id },
		partitions: { value: log.partitions },
		append: {
			value: (partition: number, data: Uint8Array) =>
				refusal === undefined ? log.append(partition, data) : Promise.reject(refusal),
		},
		ends: { value: () => (refusal === undefined ? log.ends() : Promise.reject(refusal)) },
	});
	const broker = new ServiceBroker(brokerOptions(config));
	for (const actor of without === "codes" ? [accounts, gateway] : [accounts, codes, gateway]) {
		broker.createService(actor({ ...platform, log: async () => fragile }));
	}
	await broker.start();
	const url = await platform.http.listen();
	let stopped: Promise<void> | undefined;
	const counted = Promise.withResolvers<number>();
	const stop = () => {
		stopped ??= (async () => {
			await platform.http.drain(1_000);
			await broker.stop();
			counted.resolve((await readAll(log)).reduce((sum, { scans }) => sum + scans.length, 0));
			await platform.close();
		})();
		return stopped;
	};
	atEndOfFile(stop);
	const messages = () => readAll(log);
	return {
		url,
		broker,
		dataDir,
		api: api(url, ADMIN_KEY),
		refuseAppends: (error) => {
			refusal = error;
		},
		messages,
		scans: async () => (await messages()).flatMap((message) => message.scans),
		get: (where, headers = {}) =>
			fetch(new URL(where, url), { redirect: "manual", headers: { "user-agent": PHONE, ...headers } }),
		signInUrl: async () => createSignInUrl(await platform.records(), url),
		async breakSpool() {
			await rm(path.join(dataDir, "spool"), { recursive: true });
			await writeFile(path.join(dataDir, "spool"), "");
		},
		countAfterStop: () => counted.promise,
		stop,
	};
}

async function readAll(log: EventLog): Promise<ScanMessage[]> {
	const found: ScanMessage[] = [];
	for (const { partition, position: end } of await log.ends()) {
		if (end === 0) continue;
		const reading = new AbortController();
		for await (const batch of log.read(partition, 0, { signal: reading.signal })) {
			for (const { data } of batch) {
				const decoded = decodeMessage(data);
				if (decoded.kind === "scans") found.push(decoded.message);
			}
			if ((batch.at(-1)?.position ?? 0) >= end) reading.abort();
		}
	}
	return found;
}
