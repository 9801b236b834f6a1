/* Scans that arrive evenly, whatever becomes of the answers: posted by /batch ten times a second, of codes by Zipf. */
import { KEY } from "./subjects.ts";
import { zipf } from "./zipf.ts";

export interface SteadyScansOptions {
	readonly url: string;
	/** The first is scanned most. */
	readonly slugs: readonly string[];
	readonly perSecond: number;
}

const EVERY_MS = 100;
const COUNTRIES = ["DE", "FR", "GB", "PL", "ES", "IT", "NL", "AT", "CH", "US"];
const AGENTS = [
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
	"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Mobile Safari/537.36",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36",
];

export interface SteadyScans {
	readonly accepted: number;
	/** What was answered otherwise than 202, or not at all. */
	readonly failed: number;
	stop(): Promise<void>;
}

export function scanSteadily({ url, slugs, perSecond }: SteadyScansOptions): SteadyScans {
	const pick = zipf(slugs.length);
	const any = <T>(values: readonly T[]) => values[Math.floor(Math.random() * values.length)] as T;
	const under = new Set<Promise<void>>();
	let accepted = 0;
	let failed = 0;
	let owed = 0;

	const post = async (count: number) => {
		const scans = Array.from({ length: count }, () => ({
			...{ code: slugs[pick()], visitor: `visitor-${Math.floor(Math.random() * 1e6)}`, userAgent: any(AGENTS) },
			...{ country: any(COUNTRIES), language: any(["de", "fr", "en", "pl"]), source: "qr" },
			placement: `placement-${Math.floor(Math.random() * 6)}`,
		}));
		const answer = await fetch(new URL("/api/v1/scans/batch", url), {
			method: "POST",
			headers: { authorization: `Bearer ${KEY}`, "content-type": "application/json" },
			body: JSON.stringify({ scans }),
		}).catch(() => undefined);
		await answer?.arrayBuffer();
		if (answer?.status === 202) accepted += count;
		else failed += count;
	};

	const timer = setInterval(() => {
		owed += (perSecond * EVERY_MS) / 1_000;
		const count = Math.floor(owed);
		owed -= count;
		if (count === 0) return;
		const posting = post(count).finally(() => under.delete(posting));
		under.add(posting);
	}, EVERY_MS);

	return {
		get accepted() {
			return accepted;
		},
		get failed() {
			return failed;
		},
		async stop() {
			clearInterval(timer);
			await Promise.all(under);
		},
	};
}
