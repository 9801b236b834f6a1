/*
 * Real servers for one test file: data in a folder of its own, stopped when the file ends.
 */
import { type RunningServer, startMongo, startNats, startRedis } from "../../scripts/servers/start.ts";
import { atEndOfFile } from "./cleanup.ts";
import { temporaryFolder } from "./folder.ts";

const STARTERS = { nats: startNats, redis: startRedis, mongo: startMongo };

/** Starts a server on a free port; kill, stop and restart it as the test needs. */
export async function realServer(name: keyof typeof STARTERS): Promise<RunningServer> {
	const server = await STARTERS[name]({ dir: await temporaryFolder() });
	// Its data goes with it, so there is nothing to shut down orderly.
	atEndOfFile(() => server.kill());
	return server;
}
