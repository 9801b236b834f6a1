/**
 * Reads a request's JSON body within a limit. What is too large is refused before it is read where its length was given,
 * and as soon as it exceeds the limit where not; keys that could reach an object's prototype are refused with their path.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { CodedError } from "../../contracts/errors.ts";
import { notValid, pathOf } from "./validate.ts";

const FORBIDDEN_KEYS = new Set(["__proto__", "constructor", "prototype"]);
/** A longer body than this is not even read to be thrown away, bytes. */
const DISCARDED_BYTES = 64 * 1024 * 1024;
/** Deeper bodies are nobody's. */
const MAX_DEPTH = 32;

/**
 * @param limit bytes
 * @throws `too_large`, `unsupported_media_type`, `malformed`, or `invalid` for a forbidden key.
 */
export async function readJson(request: IncomingMessage, response: ServerResponse, limit: number): Promise<unknown> {
	const length = Number(request.headers["content-length"] ?? 0);
	if (length > limit) {
		if (length > DISCARDED_BYTES) response.setHeader("Connection", "close");
		throw tooLarge(limit);
	}
	requireJson(request);
	if (request.headers.expect?.toLowerCase() === "100-continue") response.writeContinue();
	return parseJson(await readText(request, limit));
}

/** Parses JSON text that may be hostile. */
function parseJson(text: string): unknown {
	if (text.trim() === "") throw new CodedError("malformed", "A JSON body was expected, but none came");
	let value: unknown;
	try {
		value = JSON.parse(text);
	} catch (error) {
		throw new CodedError("malformed", `The body is not JSON: ${(error as Error).message.slice(0, 200)}`);
	}
	inspect(value, []);
	return value;
}

function requireJson(request: IncomingMessage): void {
	const type = request.headers["content-type"];
	const [media = "", ...parameters] = (type ?? "").split(";").map((part) => part.trim().toLowerCase());
	const charset = parameters.find((parameter) => parameter.startsWith("charset="))?.slice("charset=".length);
	const encoding = request.headers["content-encoding"] ?? "identity";
	if (media !== "application/json" || (charset !== undefined && !/^"?utf-?8"?$/.test(charset))) {
		const came = type === undefined ? "none" : JSON.stringify(type.slice(0, 100));
		throw new CodedError("unsupported_media_type", `Content-Type: expected application/json in UTF-8, got ${came}`);
	}
	if (encoding !== "identity") {
		throw new CodedError("unsupported_media_type", `Content-Encoding: expected none, got ${JSON.stringify(encoding)}`);
	}
}

async function readText(request: IncomingMessage, limit: number): Promise<string> {
	const chunks: Buffer[] = [];
	let bytes = 0;
	await new Promise<void>((resolve, reject) => {
		request.on("data", (chunk: Buffer) => {
			bytes += chunk.length;
			// What comes beyond is read and thrown away, so that the client, which still writes, gets to read the answer.
			if (bytes > limit) reject(tooLarge(limit));
			else chunks.push(chunk);
		});
		request.once("end", resolve);
		request.once("close", () => {
			if (!request.complete) reject(new CodedError("malformed", "The body ended before its length"));
		});
	});
	try {
		return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
	} catch {
		throw new CodedError("malformed", "The body is not UTF-8");
	}
}

function tooLarge(limit: number): CodedError {
	return new CodedError("too_large", `The body is larger than ${limit} bytes`);
}

function inspect(value: unknown, path: readonly PropertyKey[]): void {
	if (typeof value !== "object" || value === null) return;
	if (path.length > MAX_DEPTH)
		throw notValid([{ path: pathOf(path), message: `expected at most ${MAX_DEPTH} levels` }]);
	for (const key of Object.keys(value)) {
		const place = [...path, Array.isArray(value) ? Number(key) : key];
		if (!Array.isArray(value) && FORBIDDEN_KEYS.has(key)) {
			throw notValid([{ path: pathOf(place), message: "expected no such field" }]);
		}
		inspect((value as Record<string, unknown>)[key], place);
	}
}
