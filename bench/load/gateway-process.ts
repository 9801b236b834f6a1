/*
 * A process of gateway, codes, accounts and cache on the embedded event log, with nobody who counts: what main.ts runs as
 * one workload of a cluster, without a broker between. Configured by the environment as main.ts is; prints `ready URL`.
 */
import { ServiceBroker } from "moleculer";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import { keepFreedMemory } from "../../platform/heap.ts";
import { createPlatform } from "../../platform/platform.ts";
import accounts from "../../services/accounts/accounts.service.ts";
import cache from "../../services/cache/cache.service.ts";
import codes from "../../services/codes/codes.service.ts";
import gateway from "../../services/gateway/gateway.service.ts";

keepFreedMemory();
const platform = createPlatform(readConfig(process.env));
const broker = new ServiceBroker(brokerOptions(platform.config));
for (const actor of [cache, accounts, codes, gateway]) broker.createService(actor(platform));
await broker.start();
console.log(`ready ${await platform.http.listen()}`);
process.once("SIGTERM", async () => {
	await platform.http.drain(1_000);
	await broker.stop();
	await platform.close();
	process.exit(0);
});
