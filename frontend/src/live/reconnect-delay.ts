/**
 * How long to wait before the next attempt to connect: exponential with jitter, so that clients that lost one server do
 * not return in step. The cap is low because a screen must be whole within seconds of the network's return.
 */

export interface ReconnectOptions {
	/** Longest wait after the first failure, ms. @defaultValue 250 */
	readonly firstMs?: number;
	/** Longest wait after many failures, ms. @defaultValue 1500 */
	readonly capMs?: number;
	/** A number in [0, 1). @defaultValue Math.random */
	readonly random?: () => number;
}

/** Wait in ms before attempt number `failures` + 1: between half and the whole of the doubled, capped time. */
export function reconnectDelay(failures: number, options: ReconnectOptions = {}): number {
	const { firstMs = 250, capMs = 1_500, random = Math.random } = options;
	const longest = Math.min(capMs, firstMs * 2 ** Math.max(0, failures - 1));
	return longest * (0.5 + random() / 2);
}

/** What a server asked for, spread over a quarter more, so that everybody it sent away does not come back at once. */
export function spreadRetry(retryAfterMs: number, random: () => number = Math.random): number {
	return Math.max(0, retryAfterMs) * (1 + random() / 4);
}
