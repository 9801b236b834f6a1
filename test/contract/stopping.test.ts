/*
 * "SIGTERM drains": what a process still does between the signal and its end, and what the next one finds.
 */
import { Agent, request } from "node:http";
import { describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { startProduct, until } from "../harness/product.ts";
import { LiveClient } from "./live-client.ts";
import { ADMIN_KEY, running, startRunning } from "./running.ts";

const json = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };

describe("a process that is told to stop", () => {
	test("says that it is not ready, ends what is open, says goodbye, and exits 0 within 10 s whatever it is told again", async () => {
		const { product, url, code } = await startRunning();
		const made = await code();
		const live = new LiveClient(url, "/analytics", { token: ADMIN_KEY });
		await live.connected();
		await live.hold("org");
		const body = JSON.stringify({ code: made.id, id: "in-the-middle" });
		const open = openRequest(`${url}/api/v1/scans`, Buffer.byteLength(body));
		open.write(body.slice(0, 10));
		await open.sent;
		open.answered.catch(() => undefined);
		const begun = performance.now();
		const ended = product.kill("SIGTERM");
		const probe = new Agent({ keepAlive: true });
		await until(async () => (await status(`${url}/health/ready`, probe)) === 503, {
			what: "readiness to turn 503",
			timeoutMs: 2_000,
			everyMs: 5,
		});
		process.kill(product.pid, "SIGTERM");
		open.write(body.slice(10));
		expect(await open.answered).toBe(202);
		process.kill(product.pid, "SIGTERM");
		await ended;
		probe.destroy();
		expect(await product.exited).toEqual({ code: 0, signal: null });
		expect(performance.now() - begun).toBeLessThan(10_000);
		expect(await live.ended()).toEqual({ reason: "draining", retryAfterMs: expect.any(Number) });
		const again = running(await startProduct({ dataDir: product.dataDir, env: { SCANPULSE_ADMIN_KEY: ADMIN_KEY } }));
		expect(await again.counted({ code: made.id })).toMatchObject({ scans: 1 });
	});

	test("in the middle of scans loses none that it acknowledged, and counts them when it is back", async () => {
		const { product, admin, url, code } = await startRunning();
		const codes = await Promise.all([code(), code()]);
		let posted = 0;
		let redirected = 0;
		let unanswered = 0;
		let stopped = false;
		const crowd = Promise.all(
			Array.from({ length: 16 }, async (_, n) => {
				const made = codes[n % 2] as Code;
				while (!stopped) {
					const answer = await (n < 8
						? admin.request("POST", "/api/v1/scans", { code: made.id })
						: fetch(`${url}/q/${made.slug}`, {
								redirect: "manual",
								headers: { "user-agent": "Mozilla/5.0 (iPhone) Safari/604.1" },
							})
					).catch(() => undefined);
					if (answer?.status === 202) posted++;
					else if (answer?.status === 302 && answer.headers.has("x-scan-id")) redirected++;
					else {
						unanswered++;
						stopped = answer === undefined;
					}
				}
			}),
		);
		await until(() => posted > 100 && redirected > 20, { what: "scans to be acknowledged" });
		expect(await product.stop()).toEqual({ code: 0, signal: null });
		stopped = true;
		await crowd;
		const again = running(await startProduct({ dataDir: product.dataDir, env: { SCANPULSE_ADMIN_KEY: ADMIN_KEY } }));
		const { scans } = await again.counted({});
		expect(scans).toBeGreaterThanOrEqual(posted + redirected);
		expect(scans).toBeLessThanOrEqual(posted + redirected + unanswered);
		expect(await again.admin.get("/api/v1/ledger")).toMatchObject({ stored: scans, missing: 0, balanced: true });
		expect((await again.phone(`/q/${codes[0]?.slug}`)).status).toBe(302);
	});

	test("by a client that never finishes ends all the same", async () => {
		const { product, url } = await startRunning();
		const open = openRequest(`${url}/api/v1/scans`, 1_000);
		open.write("{");
		await open.sent;
		open.answered.catch(() => undefined);
		const begun = performance.now();
		expect(await product.stop()).toEqual({ code: 0, signal: null });
		expect(performance.now() - begun).toBeLessThan(10_000);
	});
});

/** A request whose body comes in pieces. */
function openRequest(url: string, length: number) {
	const outgoing = request(url, { method: "POST", headers: { ...json, "content-length": length } });
	const answered = new Promise<number>((resolve, reject) => {
		outgoing.once("response", (response) => {
			response.resume();
			resolve(response.statusCode ?? 0);
		});
		outgoing.once("error", reject);
	});
	const sent = new Promise<void>((resolve) =>
		outgoing.once("socket", (socket) => socket.once("connect", () => resolve())),
	);
	return { write: (text: string) => void outgoing.write(text), answered, sent };
}

function status(url: string, agent: Agent): Promise<number> {
	return new Promise((resolve, reject) => {
		request(url, { agent }, (response) => {
			response.resume();
			resolve(response.statusCode ?? 0);
		})
			.once("error", reject)
			.end();
	});
}
