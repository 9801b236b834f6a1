/** Every route of the API. */

import type { Route } from "../route.ts";
import { accountRoutes } from "./account.ts";
import { analyticsRoutes } from "./analytics.ts";
import { codeRoutes } from "./codes.ts";
import { exportRoutes } from "./export.ts";
import { keyRoutes } from "./keys.ts";
import { operationRoutes } from "./operations.ts";
import { reportRoutes } from "./reports.ts";
import { scanRoutes } from "./scans.ts";

export const API_ROUTES: readonly Route[] = [
	...scanRoutes,
	...codeRoutes,
	...analyticsRoutes,
	...exportRoutes,
	...accountRoutes,
	...keyRoutes,
	...reportRoutes,
	...operationRoutes,
];
