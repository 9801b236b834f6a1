/** Sends a long answer piece by piece: no faster than it is read, and to nobody who went away. */

import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Reply } from "./route.ts";

/** @throws what went wrong with a piece; the connection is then reset, which no reader can take for the end. */
export async function sendStream(
	request: IncomingMessage,
	response: ServerResponse,
	{ status, headers, stream }: Reply,
	requestId: string,
): Promise<void> {
	const gone = new AbortController();
	response.once("close", () => gone.abort());
	response.writeHead(status, {
		"X-Request-Id": requestId,
		"Cache-Control": "private, no-cache",
		"X-Content-Type-Options": "nosniff",
		...headers,
	});
	if (request.method === "HEAD" || !stream) return void response.end();
	try {
		for await (const piece of stream(gone.signal)) {
			if (gone.signal.aborted) return;
			if (!response.write(piece)) await once(response, "drain", { signal: gone.signal });
		}
		response.end();
	} catch (error) {
		if (gone.signal.aborted) return;
		response.socket?.resetAndDestroy();
		throw error;
	}
}
