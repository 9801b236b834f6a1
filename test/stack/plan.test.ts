/*
 * What the stack starts: every actor, two of those whose loss would be noticed, each with its own data and the same servers.
 */
import { expect, test } from "vitest";
import { ACTORS, readConfig } from "../../platform/config.ts";
import { type PlanOptions, planProcesses } from "../../scripts/stack/plan.ts";

const OPTIONS: PlanOptions = {
	...{ dir: "/stack", port: 3000, realtimePort: 3001, natsUrl: "nats://127.0.0.1:1", redisUrl: "redis://127.0.0.1:2" },
	mongoUrl: "mongodb://127.0.0.1:3/scanpulse?replicaSet=rs0",
};

test("every actor runs, and two each of gateway, scans and realtime", () => {
	const plan = planProcesses(OPTIONS);
	const count = (actor: string) => plan.filter((process) => process.actor === actor).length;
	expect(ACTORS.map((actor) => [actor, count(actor)])).toEqual([
		...[["gateway", 2] as const, ["codes", 1] as const, ["scans", 2] as const, ["analytics", 1] as const],
		...[["cache", 1] as const, ["realtime", 2] as const, ["cron", 1] as const, ["accounts", 1] as const],
	]);
	expect(new Set(plan.map(({ name }) => name)).size).toBe(plan.length);
});

test("the product accepts what each process is told", () => {
	for (const { actor, env } of planProcesses(OPTIONS)) {
		const config = readConfig(env);
		expect(config.services).toEqual([actor]);
		expect(config.sharedPorts).toBe(true);
		expect(config.publicUrl).toBe("http://localhost:3000");
		expect(config.realtimeUrl).toBe("http://localhost:3001");
	}
});

test("gateways share a port, realtime nodes share another, and nobody else takes one of them", () => {
	for (const { actor, env } of planProcesses(OPTIONS)) {
		expect(env.PORT).toBe(actor === "gateway" ? "3000" : "0");
		expect(env.REALTIME_PORT).toBe(actor === "realtime" ? "3001" : undefined);
	}
});

test("whatever no phone waits for leaves the processor to the gateways, and what only reads to what counts", () => {
	const named = (asked: string) => planProcesses(OPTIONS).flatMap(({ name, turn }) => (turn === asked ? [name] : []));
	expect(named("first")).toEqual(["gateway-1", "gateway-2"]);
	expect(named("last")).toEqual(["analytics-1", "cron-1"]);
	expect(named("second")).toEqual(expect.arrayContaining(["scans-1", "scans-2", "realtime-1", "realtime-2"]));
});

test("each process has a data folder of its own, beside the others", () => {
	const folders = planProcesses(OPTIONS).map(({ env }) => env.DATA_DIR);
	expect(new Set(folders).size).toBe(folders.length);
	expect(folders).toContain("/stack/data/gateway-2");
});

test("a caller's variables reach every process, but the topology is the stack's own", () => {
	const plan = planProcesses({ ...OPTIONS, env: { RATE_LIMITS: "off", PUBLIC_URL: "https://scan.example.org" } });
	for (const { env } of plan) expect([env.RATE_LIMITS, env.PUBLIC_URL]).toEqual(["off", "https://scan.example.org"]);
	expect(() => planProcesses({ ...OPTIONS, env: { DATA_DIR: "/x" } })).toThrow("DATA_DIR cannot be set for the stack");
});
