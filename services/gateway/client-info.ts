/** Where browsers find Socket.IO. */

import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import type { Config } from "../../platform/config.ts";
import type { HttpHost } from "../../platform/http.ts";
import { isSecure } from "./client-address.ts";

/**
 * The absolute origin of Socket.IO as the asking client reaches it, or an empty string for the same one. A port of its
 * own without REALTIME_URL is taken to be on the host that the client has asked.
 */
export function realtimeUrlFor(request: IncomingMessage, config: Config, host: HttpHost): string {
	if (config.realtimeUrl !== undefined) return config.realtimeUrl;
	if (config.realtimePort === undefined || config.realtimePort === config.port) return "";
	const port = (host.realtimeServer().address() as AddressInfo | null)?.port ?? config.realtimePort;
	const asked = URL.parse(`http://${request.headers.host ?? "localhost"}`)?.hostname ?? "localhost";
	return `${isSecure(request, config.trustProxy) ? "https" : "http"}://${asked}:${port}`;
}
