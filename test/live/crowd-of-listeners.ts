/* Connections that listen to the organisation's channel, as other people's dashboards do. */
import { io, type Socket } from "socket.io-client";
import type { SubscribeReply } from "../../contracts/live.ts";
import { atEndOfFile } from "../harness/cleanup.ts";

/** Opens `count` connections that hold `org`; resolves when all are subscribed. */
export async function listen(url: string, token: string, count: number): Promise<Socket[]> {
	const sockets = Array.from({ length: count }, () =>
		io(`${url}/analytics`, { auth: { token }, transports: ["websocket"], forceNew: true }),
	);
	atEndOfFile(async () => {
		for (const socket of sockets) socket.disconnect();
	});
	await Promise.all(
		sockets.map(async (socket) => {
			await new Promise<void>((resolve, reject) => {
				socket.once("connect", resolve);
				socket.once("connect_error", reject);
			});
			const reply: SubscribeReply = await socket.timeout(10_000).emitWithAck("subscribe", { channel: "org" });
			if (!reply.ok) throw new Error(`A listener was refused: ${reply.error.message}`);
		}),
	);
	return sockets;
}
