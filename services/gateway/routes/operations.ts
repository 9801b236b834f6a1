/** What operators ask: the ledger, the clock's jobs, health, and what clients must know of this deployment. */

import { z } from "zod";
import { CodedError } from "../../../contracts/errors.ts";
import { JOB_PARAMETERS, JOBS, type JobName } from "../../../contracts/job.ts";
import { realtimeUrlFor } from "../client-info.ts";
import { ok, type Route, route } from "../route.ts";
import { instant, paging } from "../schemas.ts";
import { notValid } from "../validate.ts";
import { PRODUCT_VERSION } from "../version.ts";

/** A period's ends, where both are given, are in order. */
const inOrder = ({ from, to }: { readonly from?: string; readonly to?: string }) =>
	!(from && to && Date.parse(from) > Date.parse(to));
const OUT_OF_ORDER = { path: ["from"], error: "an instant that is not after `to`" };

const date = z.iso.date("a date YYYY-MM-DD");

/** What the jobs take, together; which of it a job takes is checked by its name. */
const jobParameters = z
	.strictObject({ from: date.optional(), to: date.optional(), dryRun: z.boolean("true or false").optional() })
	.refine(inOrder, OUT_OF_ORDER);

export const operationRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/ledger",
		access: "admin",
		summary: "What became of every accepted scan",
		success: { status: 200, description: "Sums by hour of acceptance; all time when no period is given" },
		query: z.strictObject({ from: instant.optional(), to: instant.optional() }).refine(inOrder, OUT_OF_ORDER),
		respond: async ({ call, organisation, query }) => ok(await call("analytics.ledger", { organisation, ...query })),
	}),
	route({
		method: "GET",
		path: "/api/v1/jobs",
		access: "admin",
		summary: "Jobs of the clock",
		success: { status: 200, description: "A page of jobs, each with its last run" },
		query: z.strictObject(paging(["name"], "name")),
		async respond({ call, query: { page, pageSize, sort } }) {
			const byName = await call("cron.jobs", {});
			const jobs = sort.startsWith("-") ? byName.toReversed() : byName;
			return ok({ rows: jobs.slice((page - 1) * pageSize, page * pageSize), total: jobs.length, page, pageSize });
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/jobs/:name/runs",
		access: "admin",
		summary: "Runs of a job, newest first",
		success: { status: 200, description: "A page of runs" },
		query: z.strictObject(paging(["queuedAt"], "-queuedAt")),
		respond: async ({ call, params, query }) => ok(await call("cron.runs", { job: jobNamed(params.name), ...query })),
	}),
	route({
		method: "POST",
		path: "/api/v1/jobs/:name/run",
		access: "admin",
		summary: "Run a job now",
		success: { status: 202, description: "The id of the run" },
		limit: "writes",
		description:
			"`run_daily_aggregation` takes `from` and `to`, `cleanup_old_data` takes `dryRun`, the others take nothing.",
		body: jobParameters,
		bodyOptional: true,
		async respond({ call, params, body }) {
			const job = jobNamed(params.name);
			const foreign = Object.keys(body).filter((name) => !JOB_PARAMETERS[job].includes(name));
			if (foreign.length > 0) throw notValid(foreign.map((path) => ({ path, message: `${job} takes no such field` })));
			return { status: 202, body: await call("cron.run", { job, params: body }) };
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/client",
		access: "public",
		summary: "What a client must know of this deployment",
		success: { status: 200, description: "Version and addresses" },
		respond: ({ http }, { config, http: host }) =>
			ok({
				version: PRODUCT_VERSION,
				realtimeUrl: realtimeUrlFor(http, config, host),
				publicUrl: host.publicUrl(),
			}),
	}),
	route({
		method: "GET",
		path: "/health/live",
		access: "public",
		summary: "Whether the process lives",
		success: { status: 200, description: "It does" },
		respond: () => ok({ status: "ok" }, { "Cache-Control": "no-store" }),
	}),
	route({
		method: "GET",
		path: "/health/ready",
		access: "public",
		summary: "Whether the process can do its work",
		description: "`degraded` when a part is away, 503 `down` only when this process cannot do its own work.",
		success: { status: 200, description: "`ok` or `degraded`, with every check" },
		async respond(_, { health }) {
			const report = await health.read();
			return { status: report.status === "down" ? 503 : 200, body: report, headers: { "Cache-Control": "no-store" } };
		},
	}),
];

function jobNamed(name: string | undefined): JobName {
	const job = JOBS.find((candidate) => candidate === name);
	if (!job) throw new CodedError("not_found", `No job ${JSON.stringify(name)}; jobs are ${JOBS.join(", ")}`);
	return job;
}
