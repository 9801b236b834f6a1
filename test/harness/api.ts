/*
 * A small typed HTTP client for the product's API: success gives the body, anything else is an error that shows what the
 * server said, and a test that expects a refusal asks for it by `refused`.
 */
import type { ErrorCode, FieldError } from "../../contracts/errors.ts";

/** An RFC 9457 problem as the product answers it. */
export interface Problem {
	readonly type: string;
	readonly title: string;
	readonly status: number;
	readonly detail: string;
	readonly code: ErrorCode;
	readonly requestId: string;
	readonly errors?: readonly FieldError[];
}

type Method = "GET" | "HEAD" | "POST" | "PATCH" | "PUT" | "DELETE";

export interface Api {
	get<T>(path: string): Promise<T>;
	post<T>(path: string, body?: unknown): Promise<T>;
	patch<T>(path: string, body: unknown): Promise<T>;
	delete(path: string): Promise<void>;
	/** Any request, whatever comes back; redirects are not followed. A string body is sent as it is, others as JSON. */
	request(method: Method, path: string, body?: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
	/** A request that must be answered by a problem; fails when it is not. */
	refused(method: Method, path: string, body?: unknown): Promise<Problem>;
}

/** A client for the product at `url`; without a key its requests carry no credential. */
export function api(url: string, key?: string): Api {
	const request: Api["request"] = (method, path, body, headers = {}) =>
		fetch(new URL(path, url), {
			method,
			redirect: "manual",
			headers: {
				...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
				...(body === undefined ? {} : { "content-type": "application/json" }),
				...headers,
			},
			body: typeof body === "string" || body === undefined ? body : JSON.stringify(body),
		});

	const succeed = async (method: Method, path: string, body?: unknown): Promise<Response> => {
		const response = await request(method, path, body);
		if (response.ok) return response;
		throw new Error(`${method} ${path} was answered ${response.status}: ${await response.text()}`);
	};
	const json = async <T>(method: Method, path: string, body?: unknown): Promise<T> =>
		(await (await succeed(method, path, body)).json()) as T;

	return {
		request,
		get: (path) => json("GET", path),
		post: (path, body) => json("POST", path, body),
		patch: (path, body) => json("PATCH", path, body),
		delete: async (path) => void (await (await succeed("DELETE", path)).arrayBuffer()),
		async refused(method, path, body) {
			const response = await request(method, path, body);
			const text = await response.text();
			const kind = response.headers.get("content-type") ?? "no type";
			if (response.status < 400 || !kind.startsWith("application/problem+json")) {
				throw new Error(`${method} ${path} should be refused, was answered ${response.status} (${kind}): ${text}`);
			}
			return JSON.parse(text) as Problem;
		},
	};
}
