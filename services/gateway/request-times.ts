/** How long requests took, for Prometheus: by method, part of the API and status, so that there are few series. */

import { Histogram, type Registry } from "prom-client";
import type { RequestHandler } from "../../platform/http.ts";
import type { Route } from "./route.ts";

const BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];
const METHODS = new Set(["GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]);
const OTHER = "other";

/** Makes handlers that are timed from the request's head to the end of its answer. */
export function requestTimes(metrics: Registry, routes: readonly Route[]): (handler: RequestHandler) => RequestHandler {
	const times = new Histogram({
		name: "scanpulse_http_request_seconds",
		help: "Time from a request's head to the end of its answer",
		labelNames: ["method", "route", "status"],
		buckets: BUCKETS_S,
		registers: [metrics],
	});
	/** The series of each method, part and status: looked up once, not built for each request. */
	const series = new Map<string, ReturnType<typeof times.labels>>();
	const seriesOf = (method: string, route: string, status: number) =>
		series.getOrInsertComputed(`${method} ${route} ${status}`, () => times.labels({ method, route, status }));
	const parts = new Set(["/q", "/l", ...routes.map(({ path }) => partOf(path))]);
	return (handler) => (request, response) => {
		const begun = performance.now();
		if (!handler(request, response)) return false;
		response.once("close", () => {
			const { method = OTHER, url = "/" } = request;
			const part = partOf(url);
			const known = METHODS.has(method) ? method : OTHER;
			const timer = seriesOf(known, parts.has(part) ? part : OTHER, response.statusCode);
			timer.observe((performance.now() - begun) / 1_000);
		});
		return true;
	};
}

/** `/q`, `/health`, `/api/v1/codes`: what comes before anything that names one thing. */
function partOf(url: string): string {
	const depth = url.startsWith("/api/") ? 3 : 1;
	let end = 0;
	for (let found = 0; end < url.length; end++) {
		const character = url[end];
		if (character === "?" || (character === "/" && end > 0 && ++found === depth)) break;
	}
	return url.slice(0, end);
}
