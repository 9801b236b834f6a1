/*
 * What k8s/ would put on a cluster is the product as it is, and holds together; a break of any of it is found. There is no
 * cluster here: everything is rendered by kubectl and read.
 */
import { readFile } from "node:fs/promises";
import path from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import product from "../../package.json" with { type: "json" };
import { ACTORS } from "../../platform/config.ts";
import { OVERLAYS, renderJob, renderOverlay, renderWith } from "../../scripts/manifests/installations.ts";
import type { Manifest } from "../../scripts/manifests/kubectl.ts";
import { findFaults } from "../../scripts/manifests/schemas.ts";
import { arrowsOf, unguarded } from "./arrows.ts";
import { containersOf, ofKind, workloadsOf } from "./installation.ts";
import {
	actorFaults,
	actorsOf,
	addressFaults,
	environmentFaults,
	referenceFaults,
	securityFaults,
	serverFaults,
	shareFaults,
} from "./invariants.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");

/** Secrets that docs/kubernetes.md asks the operator of each overlay for. */
const GIVEN = {
	dev: [],
	production: ["scanpulse", "mongo-key", "mongo-users"],
	"production-external": ["scanpulse"],
} as const;

const STORE_USERS = ["codes", "scans", "analytics", "cron", "accounts"];

/** The arrows of the architecture: who speaks with whom, and nobody else. */
const ARROWS = [
	"scanpulse/edge > gateway:3000",
	"scanpulse/edge > realtime:3000",
	...ACTORS.map((actor) => `${actor} > nats:4222`),
	"nats > nats:6222",
	"cache > redis:6379",
	...[...STORE_USERS, "mongo-initiate", "mongo"].map((user) => `${user} > mongo:27017`),
];

const EXTERNAL_ARROWS = [
	"scanpulse/edge > gateway:3000",
	"scanpulse/edge > realtime:3000",
	...ACTORS.map((actor) => `${actor} > 0.0.0.0/0:4222`),
	"cache > 0.0.0.0/0:6379",
	...STORE_USERS.map((user) => `${user} > 0.0.0.0/0:27017`),
];

let overlays: Record<(typeof OVERLAYS)[number], Manifest[]>;
let jobs: Manifest[];

beforeAll(async () => {
	const rendered = await Promise.all(OVERLAYS.map(async (name) => [name, await renderOverlay(name)] as const));
	overlays = Object.fromEntries(rendered) as typeof overlays;
	jobs = (await Promise.all([renderJob("backup"), renderJob("restore")])).flat();
});

describe.each(OVERLAYS)("the overlay %s", (name) => {
	test("gives every process variables that the product knows and accepts", () => {
		expect(environmentFaults(overlays[name])).toEqual([]);
	});

	test("refers only to what is there, on ports where somebody listens", () => {
		expect(referenceFaults(overlays[name], GIVEN[name])).toEqual([]);
		expect(addressFaults(overlays[name])).toEqual([]);
	});

	test("runs every actor with probes, drain, spread, disruption budget and autoscaler", () => {
		expect(actorFaults(overlays[name])).toEqual([]);
	});

	test("runs servers with volumes that are kept, probes, spread and disruption budget", () => {
		expect(serverFaults(overlays[name])).toEqual([]);
	});

	test("is allowed where the namespace enforces restricted, which its own does", () => {
		expect(securityFaults(overlays[name])).toEqual([]);
		const [namespace] = ofKind(overlays[name], "Namespace");
		expect(namespace?.metadata.labels).toMatchObject({ "pod-security.kubernetes.io/enforce": "restricted" });
		for (const { kind, metadata } of overlays[name])
			if (kind !== "Namespace") expect(metadata.namespace, metadata.name).toBe(namespace?.metadata.name);
	});

	test("lets what phones wait for go first where a node's processors are short", () => {
		expect(shareFaults(overlays[name])).toEqual([]);
	});

	test("has only kinds that every cluster has", () => {
		const groups = overlays[name].map(({ apiVersion }) => apiVersion.split("/")[0]);
		expect([...new Set(groups)].sort()).toEqual(
			[
				"apps",
				"autoscaling",
				"networking.k8s.io",
				"policy",
				"v1",
				...(name === "production-external" ? [] : ["batch"]),
			].sort(),
		);
	});

	test("lets nobody speak but along the arrows of the architecture", () => {
		const edge = name === "dev" ? (arrow: string) => arrow.replace("scanpulse/edge", "any namespace") : String;
		const expected = name === "production-external" ? EXTERNAL_ARROWS : ARROWS.map(edge);
		expect(arrowsOf(overlays[name])).toEqual([...expected].sort());
		expect(unguarded(overlays[name])).toEqual([]);
	});

	test("names one image of the product, of this version, and one of each server", async () => {
		const images = [...workloadsOf(overlays[name]), ...workloadsOf(jobs)]
			.flatMap(containersOf)
			.map(({ image }) => image);
		const expected = name === "production-external" ? [] : ["mongo", "nats", "redis"];
		const names = [...new Set(images)].map((image) => image.split(":")[0]).sort();
		expect(names).toEqual([...expected, "scanpulse"].sort());
		const own = images.filter((image) => image.startsWith("scanpulse"));
		expect([...new Set(own)]).toEqual([`scanpulse:${product.version}`]);
	});
});

test("counting has no more processes than partitions, and as many servers as the log has copies", () => {
	const [settings] = ofKind(overlays.production, "ConfigMap").filter(({ metadata }) =>
		metadata.name.startsWith("scanpulse-"),
	);
	const scans = ofKind(overlays.production, "HorizontalPodAutoscaler").find(
		({ metadata }) => metadata.name === "scans",
	);
	expect(scans?.spec.maxReplicas).toBe(Number(settings?.data.PARTITIONS));
	const nats = workloadsOf(overlays.production).find(({ metadata }) => metadata.name === "nats");
	expect(nats?.spec.replicas).toBe(Number(settings?.data.LOG_REPLICAS));
});

test("each actor scales by the figure that matters to it, and that figure exists", async () => {
	const byName = Object.fromEntries(
		ofKind(overlays.production, "HorizontalPodAutoscaler").map(({ metadata, spec }) => [
			metadata.name,
			spec.metrics.map(({ resource, pods }) => resource?.name ?? pods?.metric.name),
		]),
	);
	expect(byName).toMatchObject({
		gateway: ["scanpulse_http_requests_per_second", "scanpulse_event_loop_delay_p99_seconds", "cpu"],
		scans: ["scanpulse_consumer_lag", "cpu"],
		realtime: ["scanpulse_realtime_connections", "cpu"],
	});
	const rules = await readFile(path.join(ROOT, "k8s/components/monitoring/adapter-rules.yaml"), "utf8");
	for (const figure of Object.values(byName).flat())
		if (figure !== "cpu") expect(rules).toContain(`name: { as: ${figure} }`);
	const alerts = await readFile(path.join(ROOT, "k8s/components/monitoring/alerts.yaml"), "utf8");
	const told = await readFile(path.join(ROOT, "docs/operations.md"), "utf8");
	for (const [figure] of `${rules}${alerts}`.matchAll(/\bscanpulse_[a-z_]+(?=\{|\[|\)| >)/g))
		expect(told, figure).toContain(figure.replace(/_count$/, ""));
});

test("the gateway's volume outlives its pod, also when there are fewer gateways", () => {
	for (const name of OVERLAYS) {
		const gateway = actorsOf(overlays[name]).find(({ metadata }) => metadata.name === "gateway");
		expect(gateway?.spec.persistentVolumeClaimRetentionPolicy).toMatchObject({ whenScaled: "Retain" });
		expect(gateway?.spec.volumeClaimTemplates).toHaveLength(1);
	}
});

test("the jobs of backup and restore fit the installation they are applied to", () => {
	for (const name of OVERLAYS) {
		const both = [...overlays[name], ...jobs];
		expect(environmentFaults(both)).toEqual([]);
		expect(referenceFaults(both, GIVEN[name])).toEqual([]);
		const arrows = arrowsOf(both).filter((arrow) => /backup|restore/.test(arrow));
		const mongo = name === "production-external" ? "0.0.0.0/0" : "mongo";
		expect(arrows).toEqual([`backup > ${mongo}:27017`, `restore > ${mongo}:27017`]);
	}
	expect(securityFaults(jobs)).toEqual([]);
});

test("components of clusters that have more add a route and what is watched, and only those arrows", async () => {
	const more = await renderWith("production", ["gateway-api", "monitoring"]);
	const kinds = (manifests: readonly Manifest[]) => new Set(manifests.map(({ kind }) => kind));
	const [before, after] = [kinds(overlays.production), kinds(more)];
	expect([...after].filter((kind) => !before.has(kind)).sort()).toEqual(["HTTPRoute", "PodMonitor", "PrometheusRule"]);
	expect([...before].filter((kind) => !after.has(kind))).toEqual(["Ingress"]);
	const added = ACTORS.map((actor) => `scanpulse/monitoring > ${actor}:3030`);
	expect(arrowsOf(more)).toEqual([...ARROWS, ...added].sort());
});

/** The dev overlay with a piece of its text replaced, wherever it stands. */
function broken(from: string, to: string): Manifest[] {
	const text = JSON.stringify(overlays.dev);
	if (!text.includes(from)) throw new Error(`nothing there is ${from}`);
	return JSON.parse(text.replaceAll(from, to)) as Manifest[];
}

test("a broken variable, port, selector or arrow is found", () => {
	const faults = (manifests: Manifest[]) => [
		...environmentFaults(manifests),
		...referenceFaults(manifests, []),
		...addressFaults(manifests),
		...actorFaults(manifests),
		...serverFaults(manifests),
		...securityFaults(manifests),
		...shareFaults(manifests),
	];
	expect(faults(overlays.dev)).toEqual([]);
	expect(faults(broken('"SERVICES"', '"SERVICE"'))).toContain(
		"gateway has SERVICE, which is no variable of the product",
	);
	expect(faults(broken('"NATS_URL"', '"NATS_URLS"'))).toContain(
		"scans has NATS_URLS, which is no variable of the product",
	);
	expect(faults(broken('"PORT":"3000"', '"PORT":"3001"'))).toContain("realtime listens on no http port");
	expect(faults(broken("nats://nats:4222", "nats://nats:4223"))).toEqual(["nats:4223 is no Service's"]);
	expect(faults(broken("mongo-2.mongo:27017", "mongo-2.mongos:27017"))).toEqual([
		"mongo-2.mongos:27017 is no Service's",
	]);
	expect(faults(broken("nats-1.nats-pods:6222", "nats-1.nats-pods:6223"))).toEqual([
		"nats-1.nats-pods:6223 is no Service's",
	]);
	expect(faults(broken('"port":"metrics"', '"port":"metric"'))).toContain(
		"codes is probed on metric, which it has not",
	);
	expect(faults(broken('"containerPort":4222', '"containerPort":4223'))).toContain(
		"Service nats leads 4222 to client, where nobody listens",
	);
	expect(
		faults(broken('"selector":{"app.kubernetes.io/name":"redis"', '"selector":{"app.kubernetes.io/name":"reds"')),
	).toContain("Service redis selects 0 workloads");
	expect(
		faults(
			broken('"matchLabels":{"app.kubernetes.io/name":"cron"}', '"matchLabels":{"app.kubernetes.io/name":"clock"}'),
		),
	).toEqual(["cron does not select its own pods", "PodDisruptionBudget cron guards not one workload"]);
	expect(faults(broken('"enableServiceLinks":false', '"enableServiceLinks":true'))).toContain(
		"cache gets variables of services",
	);
	expect(faults(broken('"exec":{"command":["redis-cli","ping"]}', '"tcpSocket":{"port":"monitor"}'))).toEqual([
		"redis is probed on monitor, which it has not",
	]);
	expect(faults(broken('"whenScaled":"Retain"', '"whenScaled":"Delete"'))).toContain(
		"mongo has no volume that is kept",
	);
	expect(faults(broken('"cpu":"150m"', '"cpu":"50m"'))).toEqual(["gateway asks for 0.05 cores, another for 0.05"]);
	expect(arrowsOf(broken('"port":"mongodb","protocol"', '"port":"client","protocol"'))).not.toContain(
		"scans > mongo:27017",
	);
});

test("a misspelt field and a wrong value are found by the schemas", async () => {
	const said = async (manifests: Manifest[]) => (await findFaults(manifests)).map(({ fault }) => fault).join("\n");
	expect(await said(broken('"topologySpreadConstraints"', '"topologySpreadConstraint"'))).toMatch(
		/Deployment scans: .*topologySpreadConstraint.* does not exist in type 'IPodSpec'/,
	);
	expect(await said(broken('"maxReplicas":2', '"maxReplicas":"two"'))).toMatch(
		/HorizontalPodAutoscaler scans: .*maxReplicas/s,
	);
});
