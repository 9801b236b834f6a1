/* A network cable that can be cut: a TCP relay in front of a server, for tests of what a screen shows meanwhile. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { atEndOfFile } from "../harness/cleanup.ts";

export interface Valve {
	/** Where to connect instead of the server. */
	readonly url: string;
	/** Every connection is cut, new ones are refused. */
	cut(): void;
	mend(): void;
}

export async function openValve(target: string): Promise<Valve> {
	const { hostname, port } = new URL(target);
	const ends = new Set<Socket>();
	let open = true;
	const server = createServer((near) => {
		if (!open) {
			near.destroy();
			return;
		}
		const far = connect({ host: hostname, port: Number(port) });
		for (const [one, other] of [
			[near, far],
			[far, near],
		] as const) {
			ends.add(one);
			one.on("error", () => other.destroy());
			one.on("close", () => {
				ends.delete(one);
				other.destroy();
			});
			one.pipe(other);
		}
	});
	await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
	atEndOfFile(async () => {
		for (const end of ends) end.destroy();
		server.close();
	});
	return {
		url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
		cut() {
			open = false;
			for (const end of ends) end.destroy();
		},
		mend() {
			open = true;
		},
	};
}
