/**
 * The door of the product: redirects, the REST API, the dashboard. It proves who calls, turns requests into scans and
 * makes those durable, and asks other actors for everything else. It never touches the store.
 */

import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Context, Service, ServiceSchema } from "moleculer";
import ApiGateway, { type ApiSettingsSchema } from "moleculer-web";
import { Gauge } from "prom-client";
import type { ActionName, Params } from "../../contracts/actions.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type ActionsOf, broadcast, call, type EventsOf } from "../../platform/actors.ts";
import { openSpool } from "../../platform/log/spool.ts";
import type { Platform } from "../../platform/platform.ts";
import { Authenticator } from "./authenticator.ts";
import { CodeDirectory } from "./code-directory.ts";
import { CodeKeeper } from "./code-keeper.ts";
import { Enricher } from "./enrich/enricher.ts";
import { openGeoTable } from "./enrich/geo.ts";
import { SALTS_FILE } from "./enrich/salt-file.ts";
import { SaltKeeper } from "./enrich/salt-keeper.ts";
import { gatewayId } from "./gateway-id.ts";
import { HealthReport } from "./health.ts";
import { InFlight, LANES } from "./in-flight.ts";
import { Ingest } from "./ingest.ts";
import { LeftBehind } from "./left-behind.ts";
import { KeyLimits } from "./limits.ts";
import type { GatewayParts } from "./parts.ts";
import { redirectHandler } from "./redirect.ts";
import { requestTimes } from "./request-times.ts";
import { aliasesOf, routerHandler, type WebRouter } from "./router.ts";
import { descriptionRoutes } from "./routes/description.ts";
import { API_ROUTES } from "./routes/index.ts";
import type { ServedBy } from "./serve-route.ts";

/** How often a gateway says what it accepted, ms. */
const REPORT_MS = 1_000;
/** Longest waits for other actors, ms. */
const RESOLVE_MS = 2_000;
const AUTHENTICATE_MS = 3_000;
const SALTS_MS = 2_000;
const LIMIT_MS = 50;
const HEALTH_MS = 500;
/** Longest wait at the start for the first salts; without them scans count no visitors, ms. */
const FIRST_SALTS_MS = 5_000;
/** Longest wait at the stop until what was accepted is durable, ms. */
const SETTLE_MS = 4_500;

export default function gateway(platform: Platform): ServiceSchema<ApiSettingsSchema> {
	const { config, http } = platform;
	const routes = [...API_ROUTES, ...descriptionRoutes(API_ROUTES)];
	let broker: Service["broker"];
	let by: ServedBy | undefined;
	/** Under which it reports. */
	let name: string;
	let reporting: NodeJS.Timeout | undefined;
	let leftBehind: LeftBehind | undefined;

	const offered = (action: ActionName) => broker.registry.getActionEndpoints(action)?.hasAvailable() === true;
	/** @throws at once when nobody is there to be asked. */
	const ask = async <A extends ActionName>(action: A, params: Params<A>, timeout: number) => {
		if (!offered(action)) throw new CodedError("unavailable", `Nobody answers ${action} now`, { retryAfterMs: 1_000 });
		return call(broker, action, params, { timeout, retries: 0 });
	};

	const codes = new CodeDirectory({
		resolve: (slug) => ask("codes.resolve", { slug }, RESOLVE_MS),
		route: (organisation, reference) => ask("codes.route", { organisation, reference }, RESOLVE_MS),
	});
	const keeper = new CodeKeeper({
		codes,
		snapshot: join(config.dataDir, "codes.snapshot.jsonl"),
		routes: (params) => ask("codes.routes", params, RESOLVE_MS),
	});
	const authenticator = new Authenticator({
		adminKey: config.adminKey,
		prove: (token) => ask("accounts.authenticate", { token }, AUTHENTICATE_MS),
	});
	const inFlight = new InFlight(config.maxInflight);
	const limits = new KeyLimits((params) => ask("cache.incrementWithRateLimit", params, LIMIT_MS));
	const salts = new SaltKeeper({
		ask: () => ask("accounts.salts", {}, SALTS_MS),
		file: join(config.dataDir, SALTS_FILE),
	});

	const actions: ActionsOf<"gateway"> = {
		health: {
			handler() {
				if (by) return by.parts.health.read();
				throw new CodedError("unavailable", "This gateway is still starting");
			},
		},
	};

	const events: EventsOf = {
		"codes.changed": { handler: ({ params }) => codes.apply(params.code) },
		"accounts.changed": {
			handler: ({ params }) => authenticator.forget(params.organisation, params.credential),
		},
		"scans.position": { handler: ({ params }) => by?.parts.health.heard(params) },
	};

	return {
		name: "gateway",
		mixins: [ApiGateway],
		settings: {
			// The platform owns the server. Routes are added below: settings are sent to every node, and these are functions.
			server: false,
			routes: [],
			logRequest: null,
			logRequestParams: null,
			logResponse: null,
			logRouteRegistration: null,
		},
		actions: { ...actions, listAliases: false, addRoute: false, removeRoute: false },
		events: { ...events, "$node.connected": { handler: listenForCodes(keeper) } },
		methods: {
			/** Queries are read by their routes, strictly. */
			parseQueryString: ({ url = "/" }: { url?: string }) => ({ url: url.split("?", 1)[0], query: {} }),
			/** Whatever goes wrong is answered in one place. */
			errorHandler: (request: { $next(error: unknown): void }, _response: unknown, error: unknown) =>
				request.$next(error),
		},
		created() {
			broker = this.broker;
			const aliases = aliasesOf(
				routes,
				() => by as ServedBy,
				() => this.logger,
			);
			this.addRoute({
				path: "/",
				aliases,
				bodyParsers: false,
				mergeParams: false,
				mappingPolicy: "restrict",
				logging: false,
			});
		},
		async started() {
			name = await gatewayId(config.dataDir);
			await salts.start();
			const saltsHeld = salts.held(FIRST_SALTS_MS);
			const log = await platform.log();
			const spool = await openSpool({
				dir: join(config.dataDir, "spool"),
				partitions: log.partitions,
				logger: this.logger,
			});
			new Gauge({
				name: "scanpulse_spool_bytes",
				help: "What this gateway's spool takes on the disk",
				registers: [platform.metrics],
				async collect() {
					this.set(await spool.bytes());
				},
			});
			new Gauge({
				name: "scanpulse_requests_in_flight",
				help: "Requests under way that MAX_INFLIGHT bounds, by kind",
				labelNames: ["kind"],
				registers: [platform.metrics],
				collect() {
					for (const kind of LANES) this.set({ kind }, inFlight.count(kind));
				},
			});
			const ingest = new Ingest({ log, spool, logger: this.logger });
			const enricher = new Enricher(salts.salts, await openGeoTable(config.geoipDb));
			const health = new HealthReport({
				ingest,
				draining: () => http.draining(),
				partitions: log.partitions,
				log: () => inTime(log.ends(), HEALTH_MS),
				cache: () => ask("cache.stats", {}, HEALTH_MS),
				offered,
			});
			const parts: GatewayParts = { config, http, codes, enricher, ingest, health };
			by = { parts, authenticator, limits };
			const timed = requestTimes(platform.metrics, routes);
			http.handle(timed(redirectHandler({ ...parts, logger: this.logger })));
			http.handle(timed(routerHandler(this as unknown as WebRouter, routes, by, inFlight)));
			const report = () => broadcast(broker, "gateway.report", ingest.report(name));
			report();
			reporting = setInterval(report, REPORT_MS);
			if (config.natsServers) {
				const onBroughtHome = (node: string) =>
					broadcast(broker, "gateway.report", {
						...{ node, at: Date.now(), accepted: {}, pending: 0, spooled: 0, leaving: true },
					});
				leftBehind = new LeftBehind({ dataDir: config.dataDir, log, logger: this.logger, onBroughtHome });
				leftBehind.start();
			}
			await keeper.start();
			await saltsHeld;
		},
		async stopped() {
			clearInterval(reporting);
			await Promise.all([salts.stop(), keeper.stop(), leftBehind?.stop()]);
			if (!by) return;
			const { ingest } = by.parts;
			await ingest.close(SETTLE_MS);
			broadcast(broker, "gateway.report", { ...ingest.report(name), leaving: true });
		},
	};
}

/** Hears of nodes that join, or are in reach again. */
function listenForCodes(
	keeper: CodeKeeper,
): (ctx: Context<{ node: { services?: readonly { name?: string }[] } }>) => void {
	return ({ params: { node } }) => {
		if (node.services?.some(({ name }) => name === "codes")) keeper.mayHaveMissed();
	};
}

/** @throws when it takes longer. */
async function inTime(answer: Promise<unknown>, timeoutMs: number): Promise<void> {
	const late = new AbortController();
	const overdue = delay(timeoutMs, undefined, { signal: late.signal }).then(() => {
		throw new CodedError("unavailable", `No answer in ${timeoutMs} ms`);
	});
	try {
		await Promise.race([answer, overdue]);
	} finally {
		late.abort();
		overdue.catch(() => undefined);
	}
}
