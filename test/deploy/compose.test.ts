/*
 * docker-compose.yml, the edge and the image describe the product as it is, and hold together; a break of any of it is
 * found. There is no engine here to run them, so they are read; what can run without one does.
 */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { readConfig } from "../../platform/config.ts";
import { renderOverlay } from "../../scripts/manifests/installations.ts";
import { freePort } from "../../scripts/servers/ports.ts";
import { startProcess } from "../../scripts/servers/process.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { startProduct } from "../harness/product.ts";
import { bytesOf, parseCompose, readCompose, schemaFaults } from "./compose-file.ts";
import {
	actorFaults,
	edgeFaults,
	environmentFaults,
	healthFaults,
	limitFaults,
	serverFaults,
	shareFaults,
	volumeFaults,
} from "./compose-invariants.ts";
import { workloadsOf } from "./installation.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const read = (file: string) => readFile(path.join(ROOT, file), "utf8");

let text: string;
let caddyfile: string;
/** What the manifests of Kubernetes give, in bytes, and the images of servers there. */
let memory: Record<string, number>;
let images: Record<string, string>;

beforeAll(async () => {
	[text, caddyfile] = await Promise.all([readCompose(), read("deploy/Caddyfile")]);
	const containers = workloadsOf(await renderOverlay("production"))
		.filter(({ kind }) => kind !== "Job")
		.map((workload) => [workload.metadata.name, workload.spec.template.spec.containers[0]] as const);
	const limitOf = (size: string | undefined) => bytesOf(size?.replace("i", "").toLowerCase()) ?? 0;
	memory = Object.fromEntries(containers.map(([name, it]) => [name, limitOf(it?.resources.limits.memory)]));
	images = Object.fromEntries(containers.map(([name, it]) => [name, it?.image ?? ""]));
});

/** What is wrong with a file, and with an edge. */
async function faults(file: string, edge = caddyfile): Promise<string[]> {
	const compose = parseCompose(file);
	const shape = await schemaFaults(compose);
	return [
		...shape,
		...[...actorFaults(compose), ...environmentFaults(compose), ...serverFaults(compose), ...healthFaults(compose)],
		...[
			...limitFaults(compose, memory),
			...shareFaults(compose),
			...edgeFaults(compose, edge),
			...volumeFaults(compose),
		],
	];
}

test("the file is what the Compose specification allows", async () => {
	expect(await schemaFaults(parseCompose(text))).toEqual([]);
});

test("every actor is one service that can be scaled, with the containers of the stack", () => {
	expect(actorFaults(parseCompose(text))).toEqual([]);
});

test("every variable is one of the product's, the product accepts them, and each container has a place for its data", () => {
	expect(environmentFaults(parseCompose(text))).toEqual([]);
});

test("every process waits for the servers it is told of, on the ports they listen on", () => {
	expect(serverFaults(parseCompose(text))).toEqual([]);
});

test("every service tells its health, on a port that it has", () => {
	expect(healthFaults(parseCompose(text))).toEqual([]);
});

test("every service has limits, of memory those of Kubernetes, and the same servers", () => {
	const compose = parseCompose(text);
	expect(limitFaults(compose, memory)).toEqual([]);
	for (const server of ["nats", "redis", "mongo"]) expect(compose.services[server]?.image).toBe(images[server]);
});

test("what phones wait for goes first where processors are short", () => {
	expect(shareFaults(parseCompose(text))).toEqual([]);
});

test("the edge sends Socket.IO to the realtime nodes and the rest to the gateways, however many there are", () => {
	expect(edgeFaults(parseCompose(text), caddyfile)).toEqual([]);
});

test("every volume that is used is declared, and the other way round", () => {
	expect(volumeFaults(parseCompose(text))).toEqual([]);
});

test("a broken name, port, limit or variable is found", async () => {
	const broken = (from: string, to: string, file = text) => {
		expect(file).toContain(from);
		return file.replaceAll(from, to);
	};
	expect(await faults(text)).toEqual([]);
	const breaks: [from: string, to: string, fault: string | RegExp][] = [
		["stop_grace_period: 15s", "stop_grace_periods: 15s", /must NOT have additional properties stop_grace_periods/],
		["pids: 128", "pid: 128", /limits must NOT have additional properties pid/],
		["\n  codes:\n", "\n  code:\n", "no service runs codes"],
		["replicas: 2", "replicas: 3", "gateway has 3 containers, the stack 2"],
		["SERVICES: scans", "SERVICES: scan", /^scans does not start: SERVICES is "scan"/],
		["SERVICES: scans", "SERVICE: scans", "scans has SERVICE, which is no variable of the product"],
		["image: scanpulse:0.1.0", "image: scanpulse:0.0.9", "cron is an image of another version: scanpulse:0.0.9"],
		["    cpu_shares: 1024\n    tmpfs", '    ports: ["3001:3000"]\n    tmpfs', /^gateway cannot be scaled/],
		["grace_period: 15s", "grace_period: 5s", "realtime is killed while it drains"],
		["/data/gateway-{n}", "/data/gateway", "gateway has no place of its own for /data/gateway"],
		["product:/data", "product:/dat", "gateway has no place of its own for /data/gateway-{n}"],
		['"/data:uid', '"/dat:uid', "accounts has no place of its own for /data"],
		["HOST: 0.0.0.0", "HOST: 127.0.0.1", "gateway listens on 127.0.0.1"],
		["nats://nats:4222", "nats://nats:4223", "gateway looks for nats at nats:4223, where it is not"],
		['"6379",', '"6380",', "cache looks for redis at redis:6379, where it is not"],
		["mongodb://mongo:", "mongodb://mongos:", "scans looks for mongo at mongos:27017, where it is not"],
		["replicaSet=rs0", "replicaSet=rs1", "scans looks for a replica set that is not made: rs1"],
		["    redis: { condition: service_healthy }\n", "", "cache does not wait for redis"],
		["/dev/tcp/127.0.0.1/3030", "/dev/tcp/127.0.0.1/3031", "codes is asked on 3031, where nobody listens"],
		['METRICS_PORT: "3030"', 'METRICS_PORT: "3031"', "codes is asked on 3030, where nobody listens"],
		["127.0.0.1:8222", "127.0.0.1:8223", "nats is asked on 8223, where nobody listens"],
		["memory: 768m", "memory: 512m", "cache may have 512m, on Kubernetes 805306368 bytes"],
		["memory: 2g, ", "", "mongo has no limits"],
		["pids: 4096", "pids: many", "mongo has no limits"],
		["cpu_shares: 341", "cpu_shares: 1024", "scans goes second and has 1024 cpu_shares"],
		["cpu_shares: 1024\n    tmpfs", "tmpfs", "gateway goes first and has 341 cpu_shares"],
		['PORT: "3000"', 'PORT: "3001"', "the rest is led to gateway 3000, gateway is gateway 3001"],
		[":3000}:3000", ":3000}:3001", "the edge does not listen on what is published: 3001"],
		["\n  redis:\n  mongo:\n", "\n  mongo:\n", "the volume redis is not declared"],
	];
	for (const [from, to, fault] of breaks) {
		// The published port is the only one left that reads like a variable.
		const raw = from.startsWith(":3000}") ? broken("3000:3000", "3000:3001") : broken(from, to);
		const found = await faults(raw);
		expect(found, `${from} → ${to}`).toContainEqual(typeof fault === "string" ? fault : expect.stringMatching(fault));
	}
	expect(await faults(text, broken("dynamic a realtime 3000", "dynamic a realtime 3001", caddyfile))).toEqual([
		"Socket.IO is led to realtime 3001, realtime is realtime 3000",
	]);
	expect(await faults(text, broken("dynamic a gateway", "dynamic a gateways", caddyfile))).toEqual([
		"the rest is led to gateways 3000, gateway is gateway 3000",
	]);
});

test("a container is healthy while its process is ready, and not while it stops or is gone", async () => {
	const { services } = parseCompose(text);
	const env = { PORT: String(await freePort()), METRICS_PORT: String(await freePort()) };
	const answers = (status: number) =>
		new Promise<string>((resolve) => {
			const server = createServer((_, response) => response.writeHead(status).end());
			atEndOfFile(async () => void server.close());
			server.listen(0, "127.0.0.1", () => resolve(String((server.address() as AddressInfo).port)));
		});
	const [stopping, nobody] = [await answers(503), String(await freePort())];
	await startProduct({ env });
	for (const [name, port] of [["gateway", env.PORT] as const, ["scans", env.METRICS_PORT] as const]) {
		const [, command = "", ...args] = services[name]?.healthcheck?.test ?? [];
		const ask = async (at: string) => {
			const look = startProcess({
				command,
				args: args.map((arg) => arg.replace(/127\.0\.0\.1\/\d+/, `127.0.0.1/${at}`)),
			});
			return (await look.exited).code;
		};
		expect([await ask(port), await ask(stopping), await ask(nobody)], name).toEqual([0, 1, 1]);
	}
}, 120_000);

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
