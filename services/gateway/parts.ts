/** What the gateway is made of, as its routes see it. */

import type { Config } from "../../platform/config.ts";
import type { HttpHost } from "../../platform/http.ts";
import type { CodeDirectory } from "./code-directory.ts";
import type { Enricher } from "./enrich/enricher.ts";
import type { HealthReport } from "./health.ts";
import type { Ingest } from "./ingest.ts";

export interface GatewayParts {
	readonly config: Config;
	readonly http: HttpHost;
	readonly codes: CodeDirectory;
	readonly enricher: Enricher;
	readonly ingest: Ingest;
	readonly health: HealthReport;
}
