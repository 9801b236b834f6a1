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
const UTF_8 = new TextDecoder("utf-8", { fatal: true });

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
	inspect(value);
	return value;
}

function requireJson(request: IncomingMessage): void {
	const type = request.headers["content-type"];
	if (type === "application/json" && request.headers["content-encoding"] === undefined) return;
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
		return UTF_8.decode(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks));
	} catch {
		throw new CodedError("malformed", "The body is not UTF-8");
	}
}

function tooLarge(limit: number): CodedError {
	return new CodedError("too_large", `The body is larger than ${limit} bytes`);
}

/** @throws `invalid` with the place of what is not allowed. */
function inspect(value: unknown): void {
	const found = findForbidden(value, 0);
	if (!found) return;
	const { place, message } = found;
	throw notValid([{ path: pathOf(place.reverse()), message }]);
}

interface Forbidden {
	/** From the innermost key outwards. */
	readonly place: PropertyKey[];
	readonly message: string;
}

/** Nothing is made on the way down: nearly every body has nothing to be found. */
function findForbidden(value: unknown, depth: number): Forbidden | undefined {
	if (typeof value !== "object" || value === null) return undefined;
	if (depth > MAX_DEPTH) return { place: [], message: `expected at most ${MAX_DEPTH} levels` };
	if (Array.isArray(value)) {
		for (let index = 0; index < value.length; index++) {
			const found = findForbidden(value[index], depth + 1);
			if (found) return within(index, found);
		}
		return undefined;
	}
	for (const key of Object.keys(value)) {
		if (FORBIDDEN_KEYS.has(key)) return { place: [key], message: "expected no such field" };
		const found = findForbidden((value as Record<string, unknown>)[key], depth + 1);
		if (found) return within(key, found);
	}
	return undefined;
}

function within(key: PropertyKey, found: Forbidden): Forbidden {
	found.place.push(key);
	return found;
}
