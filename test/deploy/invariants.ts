/*
 * What must hold between the parts of an installation on Kubernetes and the product: each function says what does not.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import { ACTORS, describeVariables, readConfig } from "../../platform/config.ts";
import type { Manifest } from "../../scripts/manifests/kubectl.ts";
import {
	type Container,
	containersOf,
	ofKind,
	type Probe,
	portOf,
	selects,
	type Workload,
	workloadsOf,
} from "./installation.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
/** SIGTERM drains within this, s. */
export const DRAIN_S = 10;
/** Volumes that "restricted" allows, of those used here. */
const VOLUMES = ["configMap", "secret", "emptyDir", "persistentVolumeClaim"];

/** What a phone waits for, and how many times what any other asks for it asks at least. */
const FIRST: ReadonlyMap<string, number> = new Map([
	["gateway", 2],
	["nats", 1],
]);

const isProduct = ({ image }: Container) => image.startsWith("scanpulse:");
export const actorsOf = (manifests: readonly Manifest[]): Workload[] =>
	workloadsOf(manifests).filter(({ spec }) => spec.template.metadata.labels["scanpulse/actor"] === "true");

/** The environment that a container of the product sees; secrets are what they should look like. */
function environmentOf(manifests: readonly Manifest[], container: Container): Record<string, string> {
	const maps = (container.envFrom ?? []).flatMap(({ configMapRef }) =>
		ofKind(manifests, "ConfigMap").filter(({ metadata }) => metadata.name === configMapRef.name),
	);
	const secret: Readonly<Record<string, string>> = {
		MONGO_URL: "mongodb://user:password@mongo-0.mongo:27017,mongo-1.mongo:27017/scanpulse?replicaSet=rs0",
		SCANPULSE_ADMIN_KEY: "an-admin-key-of-the-operator",
	};
	const own = (container.env ?? []).map(({ name, value }) => [name, value ?? secret[name] ?? "unknown"]);
	return { ...Object.assign({}, ...maps.map(({ data }) => data)), ...Object.fromEntries(own) };
}

/** Variables that the product does not know. @param name who has them */
export function unknownVariables(name: string, environment: Readonly<Record<string, string>>): string[] {
	const known = new Set(describeVariables().map((variable) => variable.name));
	return Object.keys(environment)
		.filter((variable) => !known.has(variable))
		.map((variable) => `${name} has ${variable}, which is no variable of the product`);
}

/** Variables that the product does not know or does not accept. */
export function environmentFaults(manifests: readonly Manifest[]): string[] {
	return workloadsOf(manifests).flatMap((workload) =>
		containersOf(workload)
			.filter(isProduct)
			.flatMap((container) => {
				const { name } = workload.metadata;
				const environment = environmentOf(manifests, container);
				const faults = unknownVariables(name, environment);
				if (container.envFrom) {
					try {
						const config = readConfig(environment);
						if (config.services.join() !== name) faults.push(`${name} runs ${config.services}`);
						if (config.port !== (portOf(container, "http") ?? config.port))
							faults.push(`${name} listens on no http port`);
						if (config.metricsPort !== portOf(container, "metrics")) faults.push(`${name} has another metrics port`);
						if (config.host !== "0.0.0.0") faults.push(`${name} listens on ${config.host}`);
						const mount = container.volumeMounts?.find(({ mountPath }) => config.dataDir.startsWith(`${mountPath}/`));
						if (!mount) faults.push(`${name} has no volume for ${config.dataDir}`);
					} catch (error) {
						faults.push(`${name} does not start: ${(error as Error).message}`);
					}
				}
				return faults;
			}),
	);
}

/** Things that are referred to and are not there, or lead to nobody. `given` are the secrets that an operator provides. */
export function referenceFaults(manifests: readonly Manifest[], given: readonly string[]): string[] {
	const workloads = workloadsOf(manifests);
	const maps = ofKind(manifests, "ConfigMap").map(({ metadata }) => metadata.name);
	const secrets = [...ofKind(manifests, "Secret").map(({ metadata }) => metadata.name), ...given];
	const claims = manifests.filter(({ kind }) => kind === "PersistentVolumeClaim").map(({ metadata }) => metadata.name);
	const services = ofKind(manifests, "Service");
	const faults: string[] = [];
	const need = (what: string, name: string | undefined, there: readonly string[], by: string) => {
		if (name !== undefined && !there.includes(name)) faults.push(`${by} needs the ${what} ${name}, which is not there`);
	};
	for (const workload of workloads) {
		const { name } = workload.metadata;
		const { spec, metadata } = workload.spec.template;
		if (workload.kind !== "Job" && !selects(workload.spec.selector ?? {}, metadata.labels))
			faults.push(`${name} does not select its own pods`);
		need(
			"Service",
			workload.spec.serviceName,
			services.map((service) => service.metadata.name),
			name,
		);
		for (const volume of spec.volumes ?? []) {
			need("ConfigMap", volume.configMap?.name, maps, name);
			need("Secret", volume.secret?.secretName, secrets, name);
			need("volume", volume.persistentVolumeClaim?.claimName, [...claims, "backups"], name);
		}
		const volumes = [...(spec.volumes ?? []), ...(workload.spec.volumeClaimTemplates ?? []).map((it) => it.metadata)];
		for (const container of containersOf(workload)) {
			for (const { configMapRef } of container.envFrom ?? []) need("ConfigMap", configMapRef.name, maps, name);
			for (const { valueFrom } of container.env ?? []) {
				need("ConfigMap", valueFrom?.configMapKeyRef?.name, maps, name);
				need("Secret", valueFrom?.secretKeyRef?.name, secrets, name);
			}
			for (const mount of container.volumeMounts ?? [])
				need(
					"volume",
					mount.name,
					volumes.map((volume) => volume.name),
					name,
				);
			for (const probe of [container.startupProbe, container.livenessProbe, container.readinessProbe])
				faults.push(...probeFaults(name, container, probe));
			const script = isProduct(container) && container.command?.[1];
			if (script && !existsSync(path.join(ROOT, script))) faults.push(`${name} runs ${script}, which is not there`);
		}
		for (const { labelSelector } of spec.topologySpreadConstraints ?? [])
			if (!selects(labelSelector, metadata.labels)) faults.push(`${name} spreads others than its own pods`);
	}
	for (const { metadata, spec } of services) {
		const behind = workloads.filter((workload) =>
			selects({ matchLabels: spec.selector }, workload.spec.template.metadata.labels),
		);
		if (behind.length !== 1) faults.push(`Service ${metadata.name} selects ${behind.length} workloads`);
		for (const { port, targetPort } of spec.ports)
			if (portOf(behind[0]?.spec.template.spec.containers[0], targetPort) !== port)
				faults.push(`Service ${metadata.name} leads ${port} to ${targetPort}, where nobody listens`);
	}
	for (const { spec } of ofKind(manifests, "Ingress")) {
		for (const { backend } of spec.rules.flatMap(({ http }) => http.paths)) {
			const service = services.find(({ metadata }) => metadata.name === backend.service.name);
			if (!service?.spec.ports.some(({ name }) => name === backend.service.port.name))
				faults.push(`The Ingress leads to ${backend.service.name}, which has no such port`);
		}
	}
	for (const { metadata, spec } of ofKind(manifests, "PodDisruptionBudget"))
		if (workloads.filter((workload) => selects(spec.selector, workload.spec.template.metadata.labels)).length !== 1)
			faults.push(`PodDisruptionBudget ${metadata.name} guards not one workload`);
	return faults;
}

/** Addresses in settings, secrets, configuration files and arguments that lead to no port of a Service. */
export function addressFaults(manifests: readonly Manifest[]): string[] {
	const services = ofKind(manifests, "Service");
	const texts = [
		...ofKind(manifests, "ConfigMap").flatMap(({ data }) => Object.values(data)),
		...ofKind(manifests, "Secret").flatMap(({ stringData }) => Object.values(stringData ?? {})),
		...workloadsOf(manifests)
			.flatMap(containersOf)
			.flatMap(({ args }) => args ?? []),
	];
	// Servers outside have longer names: nats, but also mongo-0.mongo, are inside.
	const inside = /(?<![\w.-])(?:[a-z]+-\d\.)?([a-z][a-z-]*):(\d+)(?!\d)/g;
	return [...new Set(texts.flatMap((text) => [...text.matchAll(inside)].map(([address]) => address)))].flatMap(
		(address) => {
			const [host, port] = address.split(":") as [string, string];
			if (host === "localhost") return [];
			const service = services.find(({ metadata }) => metadata.name === host.split(".").at(-1));
			return service?.spec.ports.some((one) => one.port === Number(port)) ? [] : [`${address} is no Service's`];
		},
	);
}

function probeFaults(name: string, container: Container, probe: Probe | undefined): string[] {
	const port = probe?.httpGet?.port ?? probe?.tcpSocket?.port;
	return port === undefined || portOf(container, port) !== undefined
		? []
		: [`${name} is probed on ${port}, which it has not`];
}

/** What an actor lacks of what every actor has. */
export function actorFaults(manifests: readonly Manifest[]): string[] {
	const actors = actorsOf(manifests);
	const scaled = ofKind(manifests, "HorizontalPodAutoscaler");
	const guarded = ofKind(manifests, "PodDisruptionBudget").map(({ metadata }) => metadata.name);
	const faults = ACTORS.filter((actor) => !actors.some(({ metadata }) => metadata.name === actor)).map(
		(actor) => `no workload runs ${actor}`,
	);
	for (const { kind, metadata, spec } of actors) {
		const { name } = metadata;
		const { spec: pod } = spec.template;
		const [container] = pod.containers;
		if (!container) throw new Error(`${name} has no container`);
		const lack = (what: string) => faults.push(`${name} has no ${what}`);
		if (kind !== (name === "gateway" ? "StatefulSet" : "Deployment")) lack(`right kind: it is a ${kind}`);
		if (container.startupProbe?.httpGet?.path !== "/health/ready") lack("start probe");
		if (container.livenessProbe?.httpGet?.path !== "/health/live") lack("liveness probe");
		if (container.readinessProbe?.httpGet?.path !== "/health/ready") lack("readiness probe");
		const { preStop } = container.lifecycle ?? {};
		const most = /--most-seconds=(\d+)/.exec(preStop?.exec?.command.join(" ") ?? "")?.[1] ?? preStop?.sleep?.seconds;
		if (most === undefined) lack("preStop");
		if ((pod.terminationGracePeriodSeconds ?? 30) < Number(most) + DRAIN_S) lack("grace for preStop and drain");
		const spread = (pod.topologySpreadConstraints ?? []).map(({ topologyKey }) => topologyKey).sort();
		if (spread.join() !== "kubernetes.io/hostname,topology.kubernetes.io/zone") lack("topology spread");
		if (!guarded.includes(name)) lack("PodDisruptionBudget");
		const scaler = scaled.find(
			({ spec: { scaleTargetRef } }) => scaleTargetRef.kind === kind && scaleTargetRef.name === name,
		);
		if (!scaler?.spec.metrics.some(({ resource }) => resource?.name === "cpu")) lack("autoscaler that can go by CPU");
		if (!scaler?.spec.behavior) lack("behaviour of its autoscaler");
		// A number in the manifest would fight the autoscaler at every apply.
		if (spec.replicas !== undefined) lack("autoscaler that is left alone: replicas is set");
	}
	return faults;
}

/** What a server lacks of what every server has. */
export function serverFaults(manifests: readonly Manifest[]): string[] {
	const guarded = ofKind(manifests, "PodDisruptionBudget").map(({ metadata }) => metadata.name);
	const servers = workloadsOf(manifests).filter(({ kind, metadata: { name } }) => kind !== "Job" && !isActor(name));
	return servers.flatMap(({ kind, metadata: { name }, spec }) => {
		const [container] = spec.template.spec.containers;
		const kept = spec.persistentVolumeClaimRetentionPolicy?.whenScaled === "Retain";
		const lacks = [
			[kind === "StatefulSet" && kept && spec.volumeClaimTemplates?.length, "volume that is kept"],
			[container?.startupProbe && container.livenessProbe && container.readinessProbe, "probes"],
			[spec.template.spec.topologySpreadConstraints?.length, "topology spread"],
			[guarded.includes(name), "PodDisruptionBudget"],
			[(spec.template.spec.terminationGracePeriodSeconds ?? 0) >= 30, "time to stop"],
		] as const;
		return lacks.flatMap(([has, what]) => (has ? [] : [`${name} has no ${what}`]));
	});
}

const isActor = (name: string) => ACTORS.some((actor) => actor === name);

/** Those that a phone waits for and do not go before the others where a node's processors are short. */
export function shareFaults(manifests: readonly Manifest[]): string[] {
	const asks = workloadsOf(manifests)
		.filter(({ kind }) => kind !== "Job")
		.map(({ metadata, spec }) => ({
			name: metadata.name,
			cores: coresOf(spec.template.spec.containers[0]?.resources.requests.cpu),
		}));
	const most = Math.max(...asks.filter(({ name }) => !FIRST.has(name)).map(({ cores }) => cores));
	return asks.flatMap(({ name, cores }) =>
		cores < most * (FIRST.get(name) ?? 0) ? [`${name} asks for ${cores} cores, another for ${most}`] : [],
	);
}

const coresOf = (cpu = "0") => (cpu.endsWith("m") ? Number.parseInt(cpu, 10) / 1_000 : Number(cpu));

/** What "restricted" would refuse, and what these pods promise beyond it. */
export function securityFaults(manifests: readonly Manifest[]): string[] {
	const faults = manifests
		.filter(({ kind }) => ["CronJob", "ServiceAccount", "Role", "ClusterRole"].includes(kind))
		.map(({ kind }) => `there is a ${kind}`);
	for (const workload of workloadsOf(manifests)) {
		const { spec } = workload.spec.template;
		const { name } = workload.metadata;
		const { runAsNonRoot, seccompProfile } = spec.securityContext;
		if (runAsNonRoot !== true || JSON.stringify(seccompProfile) !== '{"type":"RuntimeDefault"}')
			faults.push(`${name} may run as root or without seccomp`);
		if (spec.automountServiceAccountToken !== false) faults.push(`${name} gets a service-account token`);
		// Service links would set REALTIME_PORT to an address.
		if (spec.enableServiceLinks !== false) faults.push(`${name} gets variables of services`);
		for (const { name: volume, ...source } of spec.volumes ?? [])
			if (!VOLUMES.includes(Object.keys(source)[0] ?? "")) faults.push(`${name} mounts ${volume}`);
		for (const { name: container, securityContext, resources } of containersOf(workload)) {
			const promised = {
				allowPrivilegeEscalation: false,
				capabilities: { drop: ["ALL"] },
				readOnlyRootFilesystem: true,
			};
			if (JSON.stringify(securityContext) !== JSON.stringify(promised))
				faults.push(`${name}/${container} is not restricted`);
			if (!resources?.requests.cpu || !resources.requests.memory || !resources.limits.memory)
				faults.push(`${name}/${container} has no resources`);
		}
	}
	return faults;
}
