/** The answer to a request that came while this gateway had as much under way as it may: made to cost as little as can be. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { ERROR_KINDS } from "../../contracts/errors.ts";

const RETRY_AFTER_SECONDS = "1";
/** A longer body than this is not even read to be thrown away, bytes. */
const DISCARDED_BYTES = 4 * 1024 * 1024;
const { status: STATUS, title: TITLE } = ERROR_KINDS.overloaded;
/** The answer but for its request's id, which needs no escaping. */
const BODY = JSON.stringify({
	...{ type: "/docs#overloaded", title: TITLE, status: STATUS, code: "overloaded" },
	detail: "This gateway has as much to do as it can. Try again.",
}).slice(0, -1);

/** Answers 503 `overloaded` at once; the body, where there is one, is thrown away unread. */
export function refuseOverload(request: IncomingMessage, response: ServerResponse, requestId: string): void {
	if (Number(request.headers["content-length"] ?? 0) > DISCARDED_BYTES) response.setHeader("Connection", "close");
	const body = `${BODY},"requestId":"${requestId}"}`;
	response
		.writeHead(STATUS, {
			"X-Request-Id": requestId,
			"Retry-After": RETRY_AFTER_SECONDS,
			"Content-Type": "application/problem+json; charset=utf-8",
			"Content-Length": body.length,
			"Cache-Control": "no-store",
		})
		.end(body);
}
