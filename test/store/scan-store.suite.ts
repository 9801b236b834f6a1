/** What every scan store must do, through its interface alone. Run by one test file a store. */

import { describe } from "vitest";
import { auditCases } from "./suite/audit.ts";
import { claimCases } from "./suite/claims.ts";
import { closedMonthCases } from "./suite/closed-months.ts";
import { dayCases } from "./suite/days.ts";
import { filterCases } from "./suite/filters.ts";
import { ingestCases } from "./suite/ingest.ts";
import { liveCases } from "./suite/live.ts";
import { monthCases } from "./suite/months.ts";
import { pageCases } from "./suite/pages.ts";
import type { ProvideStore } from "./suite/provided.ts";
import { queryCases } from "./suite/queries.ts";
import { randomCases } from "./suite/random.ts";
import { randomClosingCases } from "./suite/random-closing.ts";
import { rangeCases } from "./suite/ranges.ts";
import { readingPlanCases } from "./suite/reading-plan.ts";

export function scanStoreSuite(store: string, provide: ProvideStore): void {
	describe(`${store}: ingest`, () => ingestCases(provide));
	describe(`${store}: owners of partitions`, () => claimCases(provide));
	describe(`${store}: questions`, () => queryCases(provide));
	describe(`${store}: the live half hour`, () => liveCases(provide));
	describe(`${store}: ranges`, () => rangeCases(provide));
	describe(`${store}: pages of raw scans`, () => pageCases(provide));
	describe(`${store}: days`, () => dayCases(provide));
	describe(`${store}: closed months`, () => closedMonthCases(provide));
	describe(`${store}: reading plan`, () => readingPlanCases(provide));
	describe(`${store}: audit`, () => auditCases(provide));
	describe(`${store}: months of raw scans`, () => monthCases(provide));
	describe(`${store}: any scans`, () => randomCases(provide));
	describe(`${store}: filters and closings`, () => filterCases(provide));
	describe(`${store}: any scans and closings`, () => randomClosingCases(provide));
}
