/*
 * Free ports of this machine for servers that must come back on the same port. They lie below the range that systems
 * hand out to outgoing connections, so that none is taken by a client between being chosen and being used.
 */
import { createServer } from "node:net";

const FIRST_PORT = 12_000;
const LAST_PORT = 31_999;
const TRIES = 200;

/** Whether nothing on 127.0.0.1 listens on the port, not even something that would share it. */
export function isFree(port: number): Promise<boolean> {
	return new Promise((resolve) => {
		const probe = createServer();
		probe.once("error", () => resolve(false));
		probe.listen({ port, host: "127.0.0.1", exclusive: true }, () => probe.close(() => resolve(true)));
	});
}

/** A port on 127.0.0.1 that nothing listens on now; random, so that processes that ask at once rarely get the same. */
export async function freePort(): Promise<number> {
	for (let attempt = 0; attempt < TRIES; attempt++) {
		const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT + 1));
		if (await isFree(port)) return port;
	}
	throw new Error(`Found no free port between ${FIRST_PORT} and ${LAST_PORT}.`);
}
