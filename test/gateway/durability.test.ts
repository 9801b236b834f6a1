import { describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { GatewayReport } from "../../contracts/events.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { decodeMessage, type ScanMessage } from "../../platform/log/message.ts";
import { until } from "../../scripts/servers/until.ts";
import { IngestBuffer, type IngestOptions } from "../../services/gateway/ingest-buffer.ts";
import { partitionOf } from "../../services/gateway/partition-of.ts";
import { temporaryFolder } from "../harness/folder.ts";
import { startGateway } from "./running-gateway.ts";

const AWAY = new CodedError("log_unavailable", "cut off");
const scan = (id: string, code = "c", organisation = "o"): AcceptedScan => ({
	...{ id, organisation, code, slug: "s", at: 1, source: "api", device: "other", bot: false },
});

/** Fakes of a log and a spool: what they hold, and a switch that makes them fail. */
function place() {
	const held: ScanMessage[] = [];
	const state = { held, calls: 0, refusal: undefined as unknown, wait: undefined as Promise<void> | undefined };
	return Object.assign(state, {
		async append(_partition: number, data: Uint8Array) {
			state.calls++;
			await state.wait;
			if (state.refusal) throw state.refusal;
			const decoded = decodeMessage(data);
			if (decoded.kind === "scans") held.push(decoded.message);
		},
	});
}

function buffered(options: Partial<IngestOptions> = {}) {
	const [log, spool] = [place(), place()];
	return { log, spool, buffer: new IngestBuffer({ partitions: 1, log, spool, repeatForMs: 100, ...options }) };
}

describe("scans on their way to the log", () => {
	test("of one turn of the event loop are one message, numbered, with running totals by organisation", async () => {
		const { log, buffer } = buffered();
		await Promise.all([buffer.accept([scan("1"), scan("2", "c", "p")]), buffer.accept([scan("3")])]);
		await buffer.accept([scan("4")]);
		expect(log.held.map(({ number, totals, scans }) => ({ number, totals, ids: scans.map(({ id }) => id) }))).toEqual([
			{ number: 1, totals: { o: 2, p: 1 }, ids: ["1", "2", "3"] },
			{ number: 2, totals: { o: 3 }, ids: ["4"] },
		]);
		expect(new Set(log.held.map(({ producer }) => producer)).size).toBe(1);
		expect(buffer.accepted).toEqual({ o: 3, p: 1 });
	});

	test("go to the partition of their code, one message in flight each, within bounds of count and bytes", async () => {
		const { log, buffer } = buffered({ partitions: 4, maxScans: 10, maxBytes: 4_000 });
		let most = 0;
		let inFlight = 0;
		const append = log.append;
		log.append = async (partition, data) => {
			most = Math.max(most, ++inFlight);
			expect(data.length).toBeLessThan(5_000);
			await append(partition, data);
			inFlight--;
		};
		const codes = Array.from({ length: 8 }, (_, index) => `code-${index}`);
		await buffer.accept(Array.from({ length: 200 }, (_, index) => scan(`${index}`, codes[index % 8])));
		for (const message of log.held) {
			expect(message.scans.length).toBeLessThanOrEqual(10);
			expect(new Set(message.scans.map(({ code }) => partitionOf(code, 4))).size).toBe(1);
		}
		expect(most).toBeLessThanOrEqual(4);
		expect(log.held.flatMap(({ scans }) => scans)).toHaveLength(200);
	});

	test("are repeated as they are while nobody knows whether they arrived, and nothing overtakes them", async () => {
		const { log, spool, buffer } = buffered({ repeatForMs: 5_000 });
		log.refusal = AWAY;
		const first = buffer.accept([scan("1")]);
		await until(() => log.calls > 2, { what: "a repeat", timeoutMs: 2_000 });
		const second = buffer.accept([scan("2")]);
		log.refusal = undefined;
		await Promise.all([first, second]);
		expect(log.held.map(({ number, scans }) => [number, scans[0]?.id])).toEqual([
			[1, "1"],
			[2, "2"],
		]);
		expect(spool.held).toEqual([]);
	});

	test("wait in the spool when the log stays away: the message given up as it was, the rest of a new producer", async () => {
		const { log, spool, buffer } = buffered();
		await buffer.accept([scan("1")]);
		log.refusal = AWAY;
		await buffer.accept([scan("2")]);
		await buffer.accept([scan("3")]);
		expect(buffer.away).toBe(true);
		const [given, next] = spool.held;
		expect(given).toMatchObject({ producer: log.held[0]?.producer, number: 2, totals: { o: 2 } });
		expect(next?.producer).not.toBe(given?.producer);
		expect(next).toMatchObject({ number: 1, totals: { o: 1 } });
		log.refusal = undefined;
		buffer.logIsBack();
		await buffer.accept([scan("4")]);
		expect(log.held.at(-1)).toMatchObject({ number: 1, totals: { o: 1 } });
		expect(new Set([given, next, log.held.at(-1)].map((message) => message?.producer)).size).toBe(3);
	});

	test("wait for nobody when the log is known to be away", async () => {
		const { log, spool, buffer } = buffered({ repeatForMs: 60_000 });
		log.refusal = new CodedError("log_unavailable", "not connected", { notSent: true });
		await buffer.accept([scan("1")]);
		expect([log.calls, spool.held.length]).toEqual([1, 1]);
	});

	test("are refused when neither takes them, and the numbers go on under a new producer", async () => {
		const { log, spool, buffer } = buffered();
		log.refusal = new CodedError("log_full", "full");
		spool.refusal = AWAY;
		await expect(buffer.accept([scan("1")])).rejects.toMatchObject({ type: "log_unavailable", code: 503 });
		expect(log.calls).toBe(1);
		spool.refusal = undefined;
		await buffer.accept([scan("2")]);
		expect(spool.held).toMatchObject([{ number: 1, totals: { o: 1 } }]);
		expect(buffer.accepted).toEqual({ o: 1 });
	});

	test("are refused before memory grows", async () => {
		const { log, buffer } = buffered({ maxPending: 3 });
		const gate = Promise.withResolvers<void>();
		log.wait = gate.promise;
		const held = buffer.accept([scan("1"), scan("2")]);
		await expect(buffer.accept([scan("3"), scan("4")])).rejects.toMatchObject({ type: "overloaded" });
		gate.resolve();
		await held;
		await buffer.accept([scan("3"), scan("4")]);
		expect(buffer.pending).toBe(0);
	});
});

describe("a gateway whose event log goes away", () => {
	test("goes on answering 202 and 302 from its spool, and gives the log everything when it is back", async () => {
		const gateway = await startGateway();
		const code = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/" });
		const reports: GatewayReport[] = [];
		gateway.broker.createService({
			name: "listener",
			events: { "gateway.report": (ctx: { params: GatewayReport }) => void reports.push(ctx.params) },
		});
		const acknowledged: string[] = [];
		const send = async () => {
			acknowledged.push((await gateway.api.post<{ id: string }>("/api/v1/scans", { code: code.id })).id);
			acknowledged.push((await gateway.get(`/q/${code.slug}`)).headers.get("x-scan-id") as string);
		};
		await send();
		gateway.refuseAppends(AWAY);
		await send();
		await send();
		expect(await gateway.api.get("/health/ready")).toMatchObject({
			status: "degraded",
			checks: { log: { status: "away" }, spool: { status: "degraded" } },
		});
		await until(() => reports.at(-1)?.spooled === 4, { what: "a report of what waits", timeoutMs: 5_000 });
		expect(reports.at(-1)?.accepted).toEqual({ default: 6 });
		gateway.refuseAppends(undefined);
		await until(async () => (await gateway.scans()).length === 6, { what: "the spooled scans", timeoutMs: 5_000 });
		await send();
		expect((await gateway.scans()).map(({ id }) => id).sort()).toEqual(acknowledged.sort());
		const health = () => gateway.api.get<{ checks: Record<string, { status: string }> }>("/health/ready");
		await until(async () => (await health()).checks.log?.status === "ok", { what: "the log", timeoutMs: 5_000 });
	});

	test("and is stopped meanwhile gives the log what waits when it starts again", async () => {
		const dataDir = await temporaryFolder();
		const gateway = await startGateway({ DATA_DIR: dataDir });
		const code = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/" });
		gateway.refuseAppends(AWAY);
		const { id } = await gateway.api.post<{ id: string }>("/api/v1/scans", { code: code.id });
		await gateway.stop();
		const again = await startGateway({ DATA_DIR: dataDir });
		await until(async () => (await again.scans()).some((found) => found.id === id), {
			what: "the scan of the spool",
			timeoutMs: 5_000,
		});
	});

	test("without a spool refuses what is posted, and still sends phones on", async () => {
		const dataDir = await temporaryFolder();
		const gateway = await startGateway({ DATA_DIR: dataDir, REDIRECT_PATIENCE_MS: "25" });
		const code = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/" });
		gateway.refuseAppends(new CodedError("log_full", "full"));
		await gateway.breakSpool();
		const problem = await gateway.api.refused("POST", "/api/v1/scans", { code: code.id });
		expect(problem).toMatchObject({ status: 503, code: "log_unavailable" });
		const response = await gateway.get(`/q/${code.slug}`);
		expect([response.status, response.headers.get("x-scan-id")]).toEqual([302, null]);
		await until(
			async () => JSON.stringify(await gateway.api.get("/health/ready")).includes("1 scans of redirects were lost"),
			{ what: "the loss in the health report", timeoutMs: 3_000 },
		);
	});
});

test("a gateway that stops makes durable what it has taken, and says goodbye", async () => {
	const gateway = await startGateway({ REDIRECT_PATIENCE_MS: "0" });
	const code = await gateway.api.post<Code>("/api/v1/codes", { url: "https://shop.example/" });
	const reports: GatewayReport[] = [];
	gateway.broker.createService({
		name: "listener",
		events: { "gateway.report": (ctx: { params: GatewayReport }) => void reports.push(ctx.params) },
	});
	await Promise.all(Array.from({ length: 50 }, () => gateway.get(`/q/${code.slug}`)));
	const count = gateway.countAfterStop();
	await gateway.stop();
	expect(await count).toBe(50);
	expect(reports.at(-1)).toMatchObject({ leaving: true, pending: 0, accepted: { default: 50 } });
});
