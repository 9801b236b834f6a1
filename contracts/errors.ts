/**
 * Every error that an actor answers with, by code. They cross transporters as plain objects: compare `type` (the code),
 * never the class. The gateway turns them into RFC 9457 problems; `status` is the HTTP status they stand for.
 */

interface ErrorKind {
	readonly status: number;
	readonly title: string;
}

export const ERROR_KINDS = {
	malformed: { status: 400, title: "The request cannot be parsed" },
	unauthorized: { status: 401, title: "No valid credential" },
	forbidden: { status: 403, title: "The credential lacks a scope" },
	not_found: { status: 404, title: "Not found" },
	unknown_code: { status: 422, title: "No such code" },
	method_not_allowed: { status: 405, title: "Method not allowed" },
	slug_taken: { status: 409, title: "The slug is taken" },
	conflict: { status: 409, title: "In conflict with what is there" },
	gone: { status: 410, title: "Gone" },
	precondition_failed: { status: 412, title: "Changed meanwhile" },
	too_large: { status: 413, title: "Too large" },
	unsupported_media_type: { status: 415, title: "Unsupported media type" },
	invalid: { status: 422, title: "Not valid" },
	unscannable: { status: 422, title: "The image cannot be scanned" },
	too_broad: { status: 422, title: "The question reads too much" },
	rate_limited: { status: 429, title: "Too many requests" },
	internal: { status: 500, title: "Internal error" },
	unavailable: { status: 503, title: "Not available now" },
	overloaded: { status: 503, title: "Overloaded" },
	log_unavailable: { status: 503, title: "The event log is away" },
	log_full: { status: 503, title: "The event log is full" },
	claim_lost: { status: 409, title: "Another owner has the partition" },
	lease_lost: { status: 409, title: "Another holder has the lease" },
} as const satisfies Record<string, ErrorKind>;

export type ErrorCode = keyof typeof ERROR_KINDS;

/** A field that caused an error: `path` from the body's root, or a query parameter's name. */
export interface FieldError {
	readonly path: string;
	readonly message: string;
}

export interface ErrorData {
	readonly errors?: readonly FieldError[];
	/** How long a caller should wait before it tries again, ms. */
	readonly retryAfterMs?: number;
	readonly [key: string]: unknown;
}

/**
 * The one error class of the product, with the fields that Moleculer carries over a transporter: `type` is the code,
 * `code` its HTTP status, `data` what a caller can act on.
 */
export class CodedError extends Error {
	override readonly name = "CodedError";
	readonly type: ErrorCode;
	readonly code: number;
	readonly data: ErrorData;
	/** An actor that answered has answered: its caller is not to ask it again by itself. */
	readonly retryable = false;

	constructor(code: ErrorCode, detail: string, data: ErrorData = {}) {
		super(detail);
		this.type = code;
		this.code = ERROR_KINDS[code].status;
		this.data = data;
	}
}

/** The code of an error that may have crossed a transporter, or undefined when it is none of ours. */
export function codeOf(error: unknown): ErrorCode | undefined {
	const type = (error as { type?: unknown } | null)?.type;
	return typeof type === "string" && Object.hasOwn(ERROR_KINDS, type) ? (type as ErrorCode) : undefined;
}

/** The data that travelled with an error, empty when there is none. */
export function dataOf(error: unknown): ErrorData {
	const data = (error as { data?: unknown } | null)?.data;
	return typeof data === "object" && data !== null ? (data as ErrorData) : {};
}
