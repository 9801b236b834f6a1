/**
 * Errors as clients see them: RFC 9457 problems with a code of contracts/errors.ts. Whatever an actor or Moleculer
 * throws becomes one here; what nobody foresaw is `internal`, logged, and tells the client nothing but its request id.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */

import type { ServerResponse } from "node:http";
import { CodedError, codeOf, dataOf, ERROR_KINDS, type ErrorCode, type FieldError } from "../../contracts/errors.ts";

export interface Problem {
	readonly type: string;
	readonly title: string;
	readonly status: number;
	readonly detail: string;
	readonly code: string;
	readonly requestId: string;
	readonly errors?: readonly FieldError[];
}

/** How long to wait before trying again when nobody said, ms. */
const RETRY_AFTER_MS = 1_000;

/** Moleculer's own errors of calls that nobody answered. */
const NOBODY_ANSWERED = new Set([
	"SERVICE_NOT_FOUND",
	"SERVICE_NOT_AVAILABLE",
	"REQUEST_TIMEOUT",
	"REQUEST_REJECTED",
	"REQUEST_SKIPPED",
	"QUEUE_FULL",
	"MAX_CALL_LEVEL",
	"GRACEFUL_STOP_TIMEOUT",
	"BROKER_DISCONNECTED",
]);

/** The coded error that an error stands for, or undefined when nobody foresaw it. */
function asCodedError(error: unknown): CodedError | undefined {
	const { type, message } = error as { type?: unknown; message?: unknown };
	const code = codeOf(error);
	if (code) return new CodedError(code, String(message), dataOf(error));
	if (typeof type !== "string") return undefined;
	if (NOBODY_ANSWERED.has(type)) {
		return new CodedError("unavailable", "A part of the product that this needs is away. Try again.");
	}
	if (type === "VALIDATION_ERROR")
		return new CodedError("invalid", "A field is not valid", { errors: fieldsOf(error) });
	if (type === "UNABLE_DECODE_PARAM") return new CodedError("malformed", "The path cannot be decoded");
	return undefined;
}

/** Answers with a problem; nothing happens when an answer has begun. */
export function sendProblem(response: ServerResponse, error: unknown, requestId: string): void {
	if (response.headersSent) {
		response.destroy();
		return;
	}
	const coded = asCodedError(error) ?? new CodedError("internal", "Something went wrong on our side");
	const problem = problemOf(coded, requestId);
	response.setHeader("X-Request-Id", requestId);
	for (const [name, value] of Object.entries(headersOf(coded, problem.status))) response.setHeader(name, value);
	const body = Buffer.from(JSON.stringify(problem));
	response
		.writeHead(problem.status, {
			"Content-Type": "application/problem+json; charset=utf-8",
			"Content-Length": body.length,
			"Cache-Control": "no-store",
		})
		.end(body);
}

/** Logged by the gateway because nobody foresaw it. */
export function isUnforeseen(error: unknown): boolean {
	return asCodedError(error) === undefined || codeOf(error) === "internal";
}

function problemOf(error: CodedError, requestId: string): Problem {
	const code = error.type as ErrorCode;
	const { status, title } = ERROR_KINDS[code];
	const { errors } = dataOf(error);
	// `about:blank` would do without a title of its own; a fragment of the description says what the code means.
	return { type: `/docs#${code}`, title, status, detail: error.message, code, requestId, ...(errors && { errors }) };
}

function headersOf(error: CodedError, status: number): Record<string, string> {
	const { retryAfterMs = RETRY_AFTER_MS, allow } = dataOf(error);
	if (status === 401) return { "WWW-Authenticate": 'Bearer realm="scanpulse"' };
	if (status === 405 && Array.isArray(allow)) return { Allow: allow.join(", ") };
	if (status === 429 || status === 503) return { "Retry-After": String(Math.max(1, Math.ceil(retryAfterMs / 1_000))) };
	return {};
}

/** fastest-validator's complaints; the parameter that wraps what came over HTTP is no part of the client's path. */
function fieldsOf(error: unknown): FieldError[] {
	const { data } = error as { data?: unknown };
	if (!Array.isArray(data)) return [];
	return data.map(({ field, message }: { field?: unknown; message?: unknown }) => ({
		path: String(field ?? "").replace(/^(code|changes|image|query)\./, ""),
		message: String(message ?? "not valid"),
	}));
}
