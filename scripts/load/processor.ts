/*
 * The functions that the scenarios in artillery/scenarios name. Artillery calls hooks of requests with the request, the
 * answer, the virtual user's context and its metrics; steps with the last two.
 */
import { randomUUID } from "node:crypto";
import { KIND_OF_ANSWER, kindOfAnswer } from "./answers.ts";
import { lookAsOneOfMany } from "./crowd.ts";
import { type LoadPlan, readPlan } from "./plan.ts";
import type { Metrics } from "./screens.ts";
import { runSpike } from "./spike.ts";

/** A virtual user. */
interface Context {
	readonly vars: Record<string, unknown>;
}

interface HttpRequest {
	json?: unknown;
}

interface HttpAnswer {
	readonly statusCode: number;
	readonly headers: Readonly<Record<string, string | undefined>>;
	readonly body: string;
}

const AGENTS = [
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
];
const VISITORS = 100_000;

let plan: LoadPlan | undefined;
const planned = () => {
	plan ??= readPlan();
	return plan;
};
const oneOf = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)] as T;
const below = (n: number) => Math.floor(Math.random() * n);

function scan(id?: string) {
	return {
		...{ code: oneOf(planned().busy).slug, visitor: `visitor-${below(VISITORS)}`, userAgent: oneOf(AGENTS) },
		...{ country: oneOf(["DE", "FR", "GB", "PL", "ES"]), placement: `placement-${below(6)}` },
		...(id !== undefined && { id }),
	};
}

/** Counts an answer: served, refused as it may be, or forbidden. @returns whether it was served */
function count({ statusCode, headers }: HttpAnswer, metrics: Metrics): boolean {
	const kind = kindOfAnswer(statusCode, headers["retry-after"]);
	for (const each of KIND_OF_ANSWER) metrics.emit("counter", `answers.${each}`, each === kind ? 1 : 0);
	return kind === "served";
}

/** Before a redirect: the phone that it is, and the code in front of it. */
export async function becomePhone({ vars }: Context): Promise<void> {
	vars.slug = oneOf(planned().busy).slug;
	vars.agent = oneOf(AGENTS);
	vars.address = `${11 + below(190)}.${below(256)}.${below(256)}.${below(256)}`;
}

/** Before a POST: a scan without an id. */
export async function giveScan(request: HttpRequest): Promise<void> {
	request.json = scan();
}

/** Before a POST: a scan with an id of its own, which the next step may send again. */
export async function giveScanWithId(request: HttpRequest, { vars }: Context): Promise<void> {
	vars.scan ??= scan(randomUUID());
	request.json = vars.scan;
}

/** Before a POST to /batch: scans with ids and without. */
export async function giveBatch(request: HttpRequest, { vars }: Context): Promise<void> {
	const size = Number(vars.batchSize ?? 50);
	request.json = { scans: Array.from({ length: size }, (_, n) => scan(n % 2 === 0 ? randomUUID() : undefined)) };
}

/** After the first POST of a scan. */
export async function noteScan(_: HttpRequest, answer: HttpAnswer, { vars }: Context, metrics: Metrics): Promise<void> {
	vars.taken = count(answer, metrics);
	if (vars.taken) metrics.emit("counter", "scans.acknowledged", 1);
}

/** After the POST of a scan that had been sent before: it is taken, and counted once. */
export async function noteAgain(
	_: HttpRequest,
	answer: HttpAnswer,
	{ vars }: Context,
	metrics: Metrics,
): Promise<void> {
	if (count(answer, metrics)) metrics.emit("counter", vars.taken ? "scans.repeated" : "scans.acknowledged", 1);
}

/** After a POST to /batch. */
export async function noteBatch(_: HttpRequest, answer: HttpAnswer, __: Context, metrics: Metrics): Promise<void> {
	if (!count(answer, metrics)) return;
	metrics.emit("counter", "scans.acknowledged", (JSON.parse(answer.body) as { accepted: number }).accepted);
}

/** After a redirect: whether it said that its scan is durable. */
export async function noteRedirect(_: HttpRequest, answer: HttpAnswer, __: Context, metrics: Metrics): Promise<void> {
	if (!count(answer, metrics)) return;
	metrics.emit("counter", answer.headers["x-scan-id"] ? "scans.acknowledged" : "scans.hurried", 1);
}

/** A step: people who look at the dashboard until `untilSecond`. */
export async function look({ vars }: Context, metrics: Metrics): Promise<void> {
	await lookAsOneOfMany(planned(), metrics, {
		untilSecond: Number(vars.untilSecond),
		warmUpSeconds: Number(vars.warmUpSeconds),
		scanEverySeconds: Number(vars.scanEverySeconds),
		screensEach: Number(vars.screensEach),
	});
}

/** A step: capacity, three times as much, capacity. */
export async function spike({ vars }: Context, metrics: Metrics): Promise<void> {
	await runSpike(planned(), metrics, {
		capacity: Number(vars.capacity),
		warmUpSeconds: Number(vars.warmUpSeconds),
		capacitySeconds: Number(vars.capacitySeconds),
		spikeSeconds: Number(vars.spikeSeconds),
		connections: Number(vars.connections),
		redirects: Number(vars.redirects),
	});
}
