/**
 * The one way to the product's HTTP API. Answers are typed by the caller; whatever goes wrong arrives as a `Problem`, so
 * that pages have one thing to show and forms know which field it was.
 */
import type { ErrorCode, FieldError } from "../../../contracts/errors.ts";

/** `unreachable`: nothing answered; `unreadable`: something answered that is not the API. */
export type ProblemCode = ErrorCode | "unreachable" | "unreadable";

export class Problem extends Error {
	readonly status: number;
	readonly code: ProblemCode;
	readonly errors: readonly FieldError[];
	readonly requestId: string | undefined;

	constructor(status: number, body: Partial<ProblemBody>) {
		super(body.detail ?? body.title ?? "The server could not be reached");
		this.name = "Problem";
		this.status = status;
		this.code = body.code ?? "unreadable";
		this.errors = body.errors ?? [];
		this.requestId = body.requestId;
	}
}

interface ProblemBody {
	readonly title: string;
	readonly detail: string;
	readonly code: ProblemCode;
	readonly requestId: string;
	readonly errors: readonly FieldError[];
}

type QueryValue = string | number | boolean | undefined;
export type Query = Readonly<Record<string, QueryValue | readonly string[]>>;

export interface RequestOptions {
	readonly query?: Query;
	readonly body?: unknown;
	readonly signal?: AbortSignal;
}

const API = "/api/v1";
let onUnauthorized: () => void = () => undefined;

/** What happens when any answer says that the session has ended. */
export function whenUnauthorized(handler: () => void): void {
	onUnauthorized = handler;
}

/** @throws Problem for every answer that is not a success, and when there is no answer. */
export async function request<T>(method: string, path: string, options: RequestOptions = {}): Promise<T> {
	const response = await fetch(`${API}${path}${queryString(options.query)}`, {
		method,
		headers: options.body === undefined ? {} : { "content-type": "application/json" },
		body: options.body === undefined ? undefined : JSON.stringify(options.body),
		signal: options.signal,
		credentials: "same-origin",
	}).catch((error: unknown) => {
		if (options.signal?.aborted) throw error;
		throw new Problem(0, { code: "unreachable" });
	});
	const body: unknown = response.status === 204 ? undefined : await response.json().catch(() => undefined);
	if (response.ok) return body as T;
	if (response.status === 401) onUnauthorized();
	throw new Problem(response.status, {
		title: `The server answered ${response.status}`,
		...(body as Partial<ProblemBody> | undefined),
	});
}

function queryString(query: Query = {}): string {
	const params = new URLSearchParams();
	for (const [name, value] of Object.entries(query)) {
		if (value === undefined || value === "") continue;
		for (const each of Array.isArray(value) ? value : [value]) params.append(name, String(each));
	}
	const text = params.toString();
	return text ? `?${text}` : "";
}
