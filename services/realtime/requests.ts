/** What clients send, read once: from here on it is known to be what it says, or refused. */

import type { Namespace, Place, RealtimeErrorCode, RealtimeFailure, SubscribeRequest } from "../../contracts/live.ts";

const LONGEST_EPOCH = 128;
/** 1,024 partitions with positions of 16 digits. */
const LONGEST_OFFSET = 17_408;
const CODE_ID = "[A-Za-z0-9._:-]{1,128}";

const CHANNELS: Readonly<Record<Namespace, RegExp>> = {
	"/analytics": new RegExp(`^(org|code:${CODE_ID})$`),
	"/scans": new RegExp(`^(feed|feed:${CODE_ID})$`),
	"/ops": /^(health|jobs|ledger)$/,
};

const MESSAGES: Readonly<Record<RealtimeErrorCode, string>> = {
	unauthorized: "No valid credential",
	forbidden: "The credential lacks a scope",
	unknown_channel: "There is no such channel here",
	invalid: "The message is not valid",
	too_many_channels: "The connection holds as many channels as it may",
	rate_limited: "Too many messages",
	overloaded: "Not available now, try again",
};

export function failure(code: RealtimeErrorCode, message = MESSAGES[code]): RealtimeFailure {
	return { ok: false, error: { code, message } };
}

/** The request, or undefined when it is none. */
export function readSubscribe(payload: unknown): SubscribeRequest | undefined {
	if (!isRecord(payload) || typeof payload.channel !== "string") return undefined;
	if (payload.since === undefined || payload.since === null) return { channel: payload.channel };
	const since = readPlace(payload.since);
	return since && { channel: payload.channel, since };
}

/** The channel that a request without more names. */
export function readChannel(payload: unknown): string | undefined {
	return isRecord(payload) && typeof payload.channel === "string" ? payload.channel : undefined;
}

/** Whether a namespace has channels of that name. */
export function isChannel(namespace: string, name: string): boolean {
	return Object.hasOwn(CHANNELS, namespace) && CHANNELS[namespace as Namespace].test(name);
}

function readPlace(value: unknown): Place | undefined {
	if (!isRecord(value)) return undefined;
	const { epoch, offset } = value;
	if (typeof epoch !== "string" || typeof offset !== "string") return undefined;
	return epoch.length <= LONGEST_EPOCH && offset.length <= LONGEST_OFFSET ? { epoch, offset } : undefined;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
	typeof value === "object" && value !== null && !Array.isArray(value);
