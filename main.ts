/**
 * One process of Scanpulse: reads the configuration, opens what the actors stand on, runs the actors it is asked to run,
 * says that it is ready, waits for a signal, and stops everything in reverse order.
 */

import { setTimeout as delay } from "node:timers/promises";
import { ServiceBroker, type ServiceSchema } from "moleculer";
import { brokerOptions } from "./moleculer.config.ts";
import manifest from "./package.json" with { type: "json" };
import { ACTORS, type ActorName, type Config, ConfigError, describeVariables, readConfig } from "./platform/config.ts";
import { DataDirError, lockDataDir } from "./platform/data-dir.ts";
import { keepFreedMemory } from "./platform/heap.ts";
import { serveMetrics } from "./platform/metrics.ts";
import { createPlatform, type Platform } from "./platform/platform.ts";
import { offerFirstSignIn } from "./platform/sign-in.ts";

keepFreedMemory();

/** How long readiness says that the process stops while it still serves, so that who sends it traffic can notice, ms. */
const NOTICE_MS = 500;
/** Open requests may take so long to end, and everything together so long to stop, ms. */
const DRAIN_MS = 3_000;
const STOP_MS = 9_500;
/** A gateway that joins others hears of all that it may ask within moments; without them it is ready all the same, ms. */
const ACQUAINTED_MS = 5_000;
const ACQUAINTED_POLL_MS = 20;

type ActorFactory = (platform: Platform) => ServiceSchema;

/** In the order of starting: who is asked comes before who asks. */
const ACTOR_MODULES: Readonly<Record<ActorName, () => Promise<{ default: unknown }>>> = {
	cache: () => import("./services/cache/cache.service.ts"),
	accounts: () => import("./services/accounts/accounts.service.ts"),
	codes: () => import("./services/codes/codes.service.ts"),
	scans: () => import("./services/scans/scans.service.ts"),
	analytics: () => import("./services/analytics/analytics.service.ts"),
	cron: () => import("./services/cron/cron.service.ts"),
	realtime: () => import("./services/realtime/realtime.service.ts"),
	gateway: () => import("./services/gateway/gateway.service.ts"),
};

interface Started {
	/** Where the process serves, for its `ready` line. */
	readonly address: string;
	/** Resolves when it can ask every other actor, or has waited for long enough. */
	acquainted(): Promise<void>;
	stop(): Promise<void>;
}

async function start(given: Config): Promise<Started> {
	const lock = lockDataDir(given.dataDir);
	const config = Object.freeze({ ...given, dataDir: lock.dir });
	if (config.services.includes("gateway") && !config.production) await buildDashboardOfCheckout();
	const broker = new ServiceBroker(brokerOptions(config));
	const platform = createPlatform(config, broker.getLogger("platform"));
	let serving = false;
	const metrics = await serveMetrics(
		config,
		platform.metrics,
		(message) => broker.logger.warn(message),
		() => serving && !platform.http.draining(),
	);
	for (const [name, load] of Object.entries(ACTOR_MODULES)) {
		if (!config.services.includes(name as ActorName)) continue;
		const { default: actor } = await load();
		broker.createService((actor as ActorFactory)(platform));
	}
	await broker.start();
	const address = await platform.http.listen();
	serving = true;
	const endOffer =
		config.services.includes("accounts") && config.adminKey === undefined
			? await offerFirstSignIn(
					platform,
					(url) => console.log(`sign-in ${url}`),
					(error) => broker.logger.error("No sign-in link can be made:", error),
				)
			: undefined;
	return {
		address: address || metrics.address || "(this process serves no HTTP)",
		async acquainted() {
			if (!config.services.includes("gateway") || !config.natsServers) return;
			await broker.waitForServices([...ACTORS], ACQUAINTED_MS, ACQUAINTED_POLL_MS).catch(() => undefined);
		},
		async stop() {
			endOffer?.();
			await platform.http.drain(DRAIN_MS, NOTICE_MS);
			await broker.stop();
			await platform.close();
			await metrics.close();
			lock.release();
		},
	};
}

/** In a checkout the dashboard is built when it is not, or not of these sources; an image carries it built. */
async function buildDashboardOfCheckout(): Promise<void> {
	const { buildDashboard } = await import("./scripts/build-dashboard.ts");
	await buildDashboard();
}

/** Ends the process once on the first signal, or when the launcher is gone; a second signal changes nothing. */
function stopOnSignal(stop: () => Promise<void>): void {
	let stopping = false;
	const end = async () => {
		if (stopping) return;
		stopping = true;
		const overdue = delay(STOP_MS, 1, { ref: false });
		process.exit(await Promise.race([stop().then(() => 0, reportFailure), overdue]));
	};
	for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, end);
	if (process.channel) {
		process.on("disconnect", end);
		process.channel.unref();
	}
}

function reportFailure(error: unknown): number {
	console.error(error);
	return 1;
}

function help(): string {
	const rows = describeVariables();
	const width = Math.max(...rows.map(({ name, defaultValue }) => name.length + defaultValue.length)) + 4;
	const lines = rows.map(
		({ name, defaultValue, meaning }) => `  ${`${name} (${defaultValue})`.padEnd(width)} ${meaning}`,
	);
	return [
		`Scanpulse ${manifest.version}: real-time analytics for QR codes.`,
		"",
		"Configuration is read from the environment:",
		...lines,
	].join("\n");
}

async function main(args: readonly string[]): Promise<void> {
	if (args.includes("--help")) return console.log(help());
	if (args.includes("--version")) return console.log(manifest.version);
	const starting = start(readConfig(process.env));
	// A signal during the start takes effect when there is something to stop in order.
	stopOnSignal(async () => (await starting).stop());
	const { address, acquainted } = await starting;
	await acquainted();
	console.log(`ready ${address}`);
}

try {
	await main(process.argv.slice(2));
} catch (error) {
	const expected = error instanceof ConfigError || error instanceof DataDirError;
	console.error(expected ? error.message : error);
	process.exit(1);
}
