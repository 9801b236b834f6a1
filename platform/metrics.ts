/**
 * What a process tells Prometheus and who supervises it, on a port of its own, so that nothing of it is public by
 * accident. Actors add their own figures to the registry; the process's are here. Every process answers `/health/live` and
 * `/health/ready` there, also those that serve nothing else.
 */

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { collectDefaultMetrics, Gauge, type Registry } from "prom-client";
import { type Config, ConfigError } from "./config.ts";

export interface Metrics {
	/** Address of `/metrics` and `/health/*`, such as `http://127.0.0.1:3030`; empty when there is none. */
	readonly address: string;
	close(): Promise<void>;
}

const NANOSECONDS = 1e9;

/**
 * Starts to serve `/metrics` of a registry, to which it adds what is the process's own.
 *
 * @param ready whether the process has started and does not stop: what `/health/ready` says; `/health/live` says only
 * that the event loop turns
 * @param warn told when the default port is taken: the process then runs without metrics
 * @throws Error naming METRICS_PORT when a port that was asked for cannot be had
 */
export async function serveMetrics(
	config: Pick<Config, "metricsPort" | "metricsPortExplicit" | "host">,
	registry: Registry,
	warn: (message: string) => void,
	ready: () => boolean,
): Promise<Metrics> {
	if (config.metricsPort === 0) return { address: "", close: async () => undefined };
	collectDefaultMetrics({ register: registry });
	const stopDelay = measureEventLoopDelay(registry);
	const server = createServer(async (request, response) => {
		const path = request.url?.split("?")[0];
		if (path === "/metrics") {
			response.writeHead(200, { "Content-Type": registry.contentType }).end(await registry.metrics());
		} else if (path === "/health/live" || path === "/health/ready") {
			const well = path === "/health/live" || ready();
			response
				.writeHead(well ? 200 : 503, { "Content-Type": "application/json", "Cache-Control": "no-store" })
				.end(JSON.stringify({ status: well ? "ok" : "down" }));
		} else {
			response.writeHead(404).end();
		}
	});
	try {
		await listen(server, config.metricsPort, config.host);
	} catch (error) {
		const message = `METRICS_PORT is ${config.metricsPort}: expected a free port (${(error as Error).message})`;
		if (config.metricsPortExplicit) throw new ConfigError(message, { cause: error });
		warn(`${message}; running without metrics`);
		return { address: "", close: async () => stopDelay() };
	}
	return {
		address: `http://${config.host}:${(server.address() as AddressInfo).port}`,
		async close() {
			stopDelay();
			server.closeAllConnections();
			await new Promise((resolve) => server.close(resolve));
		},
	};
}

/** The delay since the last scrape, by quantile; a histogram that resets with each reading. */
function measureEventLoopDelay(registry: Registry): () => void {
	const histogram = monitorEventLoopDelay({ resolution: 10 });
	histogram.enable();
	new Gauge({
		name: "scanpulse_event_loop_delay_seconds",
		help: "How late the event loop was since the last reading",
		labelNames: ["quantile"],
		registers: [registry],
		collect() {
			for (const quantile of [0.5, 0.9, 0.99])
				this.set({ quantile }, histogram.percentile(quantile * 100) / NANOSECONDS);
			this.set({ quantile: 1 }, histogram.max / NANOSECONDS);
			histogram.reset();
		},
	});
	return () => histogram.disable();
}

function listen(server: Server, port: number, host: string): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", reject);
		server.listen(port, host, resolve);
	});
}
