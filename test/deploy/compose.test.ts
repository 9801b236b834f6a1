/*
 * docker-compose.yml, the edge and the image describe the product as it is: every actor, variables that the product knows
 * and accepts, and ports on which somebody listens. There is no engine here to run them, so they are read.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { parse } from "yaml";
import { describeVariables, readConfig } from "../../platform/config.ts";
import { planProcesses } from "../../scripts/stack/plan.ts";

interface Service {
	readonly image: string;
	readonly command?: readonly string[];
	readonly environment?: Readonly<Record<string, string>>;
	readonly healthcheck?: { readonly test: readonly string[] };
	readonly depends_on?: Readonly<Record<string, { condition: string }>> | readonly string[];
	readonly volumes?: readonly string[];
	readonly ports?: readonly string[];
}

interface Compose {
	readonly services: Readonly<Record<string, Service>>;
	readonly volumes: Readonly<Record<string, null>>;
}

const ROOT = path.join(import.meta.dirname, "..", "..");
const read = (file: string) => readFile(path.join(ROOT, file), "utf8");
const NOWHERE = {
	dir: "/data",
	port: 3000,
	realtimePort: 3000,
	natsUrl: "nats://n",
	redisUrl: "redis://r",
	mongoUrl: "m",
};

let compose: Compose;
let product: [name: string, service: Service][];

beforeAll(async () => {
	// As the engine reads it on a machine that sets no variable of its own: ${NAME:-default} is the default.
	const text = (await read("docker-compose.yml")).replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1");
	compose = parse(text, { merge: true }) as Compose;
	product = Object.entries(compose.services).filter(([, { image }]) => image === "scanpulse");
});

test("the processes are those of the stack", () => {
	expect(product.map(([name]) => name).sort()).toEqual(
		planProcesses(NOWHERE)
			.map(({ name }) => name)
			.sort(),
	);
});

test("every variable is one of the product's, and the product accepts them", () => {
	const known = describeVariables().map(({ name }) => name);
	for (const [name, { environment = {} }] of product) {
		expect(Object.keys(environment).filter((variable) => !known.includes(variable))).toEqual([]);
		const config = readConfig(environment);
		expect(`${config.services.join()} ${config.dataDir}`).toBe(`${name.replace(/-\d+$/, "")} /data/${name}`);
		expect(config.host).toBe("0.0.0.0");
		expect(config.trustProxy).toBe(1);
	}
});

test("every process waits for the servers it is told of, on the ports they listen on", () => {
	for (const [, { environment = {}, depends_on }] of product) {
		for (const variable of ["NATS_URL", "REDIS_URL", "MONGO_URL"]) {
			const { hostname, port } = new URL(environment[variable] as string);
			const command = compose.services[hostname]?.command ?? [];
			expect(command[command.indexOf("--port") + 1]).toBe(port);
			expect(depends_on).toHaveProperty(hostname, { condition: "service_healthy" });
		}
		const replicaSet = new URL(environment.MONGO_URL as string).searchParams.get("replicaSet");
		expect(compose.services.mongo?.command).toContain(replicaSet);
		expect(compose.services.mongo?.healthcheck?.test.join(" ")).toContain(`_id: "${replicaSet}"`);
	}
});

test("every service but the edge tells its health, on a port that it has", () => {
	for (const [name, { healthcheck, environment }] of Object.entries(compose.services)) {
		if (name === "edge") continue;
		expect(healthcheck?.test[0], name).toBe("CMD");
		const asked = /127\.0\.0\.1:(\d+)\//.exec(healthcheck?.test.join(" ") ?? "")?.[1];
		if (environment) expect([environment.PORT, environment.METRICS_PORT]).toContain(asked);
	}
});

test("the edge sends Socket.IO to every realtime node and the rest to every gateway", async () => {
	const edge = await read("deploy/Caddyfile");
	const targets = [...edge.matchAll(/reverse_proxy ([^{]+) \{/g)].map(([, list]) => (list as string).split(" ").sort());
	const at = (actor: string) =>
		product
			.filter(([name]) => name.startsWith(`${actor}-`))
			.map(([name, { environment }]) => `${name}:${environment?.REALTIME_PORT ?? environment?.PORT}`);
	expect(edge.indexOf("handle /socket.io/*")).toBeLessThan(edge.indexOf("handle {"));
	expect(targets).toEqual([at("realtime"), at("gateway")]);
	const [published, inside] = (compose.services.edge?.ports?.[0] ?? "").split(":");
	expect([published, edge.includes(`\n:${inside} {`)]).toEqual(["3000", true]);
});

test("every volume that is used is declared, and the other way round", () => {
	const used = Object.values(compose.services).flatMap(({ volumes = [] }) =>
		volumes.map((volume) => volume.split(":")[0]),
	);
	const named = used.filter((volume) => !volume?.startsWith("."));
	expect([...new Set(named)].sort()).toEqual(Object.keys(compose.volumes).sort());
});

test("the image runs main.ts without root, and is built from files that exist and are let in", async () => {
	const lines = (await read("Dockerfile")).split("\n");
	const last = lines.slice(lines.findLastIndex((line) => line.startsWith("FROM ")));
	expect(last).toContain("USER node");
	expect(last).toContain('ENTRYPOINT ["node", "main.ts"]');
	const ignored = await read(".dockerignore");
	const sources = lines
		.filter((line) => line.startsWith("COPY ") && !line.includes("--from="))
		.flatMap((line) => line.split(" ").slice(1, -1));
	for (const source of sources) {
		expect(existsSync(path.join(ROOT, source)), source).toBe(true);
		expect(ignored).toContain(`\n!${source.split("/")[0]}\n`);
	}
	const image = last.find((line) => line.startsWith("ENV "))?.slice("ENV ".length) ?? "";
	const config = readConfig(Object.fromEntries(image.split(" ").map((pair) => pair.split("="))));
	expect([config.dataDir, config.host, config.production]).toEqual(["/data", "0.0.0.0", true]);
});
