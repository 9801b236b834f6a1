/*
 * Two gateways and the actors they ask, each with a broker of its own, joined by a real NATS as on a cluster. The network
 * can be made to lose what a gateway is told.
 */
import { type Middleware, type Service, ServiceBroker, type ServiceSchema } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import { createPlatform, type Platform } from "../../platform/platform.ts";
import type { RunningServer } from "../../scripts/servers/start.ts";
import { until } from "../../scripts/servers/until.ts";
import accounts from "../../services/accounts/accounts.service.ts";
import codes from "../../services/codes/codes.service.ts";
import gateway from "../../services/gateway/gateway.service.ts";
import { type Api, api } from "../harness/api.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { realServer } from "../harness/servers.ts";
import { ADMIN_KEY } from "./running-gateway.ts";

type Receive = (command: string, data: Buffer) => unknown;
type Hooks = Omit<Middleware, "transporterReceive"> & { transporterReceive?: (next: Receive) => Receive };
type Actor = (platform: Platform) => ServiceSchema;

export interface ClusteredGateway {
	readonly api: Api;
	/** While true, broadcasts do not arrive here. */
	deaf: boolean;
	/** The answer to a scan, redirects not followed. */
	scan(slug: string): Promise<{ status: number; location: string | null }>;
}

export interface TwoGateways {
	readonly nats: RunningServer;
	readonly gateways: readonly [ClusteredGateway, ClusteredGateway];
	/** How often the store of codes was asked for a slug. */
	lookUps(): number;
}

export async function startTwoGateways(): Promise<TwoGateways> {
	const nats = await realServer("nats");
	let lookUps = 0;

	async function run(nodeId: string, actors: readonly Actor[], middleware: Hooks) {
		const config = readConfig({
			...{ NATS_URL: nats.url, NODE_ID: nodeId, DATA_DIR: await temporaryFolder(), LOG_LEVEL: "fatal" },
			...{ PORT: "0", SCANPULSE_ADMIN_KEY: ADMIN_KEY, RATE_LIMITS: "off" },
		});
		const platform = createPlatform(config);
		const broker = new ServiceBroker({ ...brokerOptions(config), middlewares: [middleware as Middleware] });
		for (const actor of actors) broker.createService(actor(platform));
		await broker.start();
		atEndOfFile(async () => {
			await platform.http.drain(500);
			await broker.stop();
			await platform.close();
		});
		return platform;
	}

	async function runGateway(nodeId: string): Promise<ClusteredGateway> {
		const hearing = { deaf: false };
		const platform = await run(nodeId, [gateway], {
			transporterReceive: (next) => (command, data) =>
				hearing.deaf && command === "EVENT" ? undefined : next(command, data),
		});
		const url = await platform.http.listen();
		return Object.assign(hearing, {
			api: api(url, ADMIN_KEY),
			async scan(slug: string) {
				const { status, headers } = await fetch(`${url}/q/${slug}`, { redirect: "manual" });
				return { status, location: headers.get("location") };
			},
		});
	}

	await run("entities", [accounts, codes], {
		localAction(next, action) {
			return function counted(this: Service, ctx) {
				if (action.name === "codes.resolve") lookUps++;
				return next.call(this, ctx);
			};
		},
	});
	const gateways = [await runGateway("gateway-1"), await runGateway("gateway-2")] as const;
	for (const { api } of gateways) {
		await until(() => api.get("/api/v1/codes").then(() => true), { what: "the codes actor", timeoutMs: 10_000 });
	}
	return { nats, gateways, lookUps: () => lookUps };
}
