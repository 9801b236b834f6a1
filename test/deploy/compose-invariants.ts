/*
 * What must hold between docker-compose.yml, the edge's configuration and the product: each function says what does not.
 */
import product from "../../package.json" with { type: "json" };
import { ACTORS, type ActorName, readConfig } from "../../platform/config.ts";
import { FOLDER_NUMBER } from "../../platform/data-dir.ts";
import type { Turn } from "../../scripts/servers/yielding.ts";
import { planProcesses } from "../../scripts/stack/plan.ts";
import { bytesOf, type Compose, type ComposeService, secondsOf } from "./compose-file.ts";
import { DRAIN_S, unknownVariables } from "./invariants.ts";

/** What each turn has of the processors: the weights of the niceness that the stack gives. */
const SHARES: Readonly<Record<Turn, number>> = { first: 1024, second: 341, last: 70 };
/** Servers that a phone waits for, besides the actors that the stack lets go first. */
const ANSWERING = ["edge", "nats"];
const OTHERS = ["edge", "mongo", "nats", "redis"];
const SERVERS = { NATS_URL: "nats", REDIS_URL: "redis", MONGO_URL: "mongo" } as const;

const NOWHERE = {
	...{ dir: "/data", port: 3000, realtimePort: 3000 },
	...{ natsUrl: "nats://n", redisUrl: "redis://r", mongoUrl: "m" },
};

const productOf = ({ services }: Compose): [ActorName, ComposeService][] =>
	ACTORS.flatMap((actor) => {
		const service = services[actor];
		return service ? [[actor, service]] : [];
	});
const portOf = ({ environment = {} }: ComposeService) => environment.REALTIME_PORT ?? environment.PORT;

/** Actors that are not there as on one machine (`npm run stack`), or cannot be scaled. */
export function actorFaults(compose: Compose): string[] {
	const plan = planProcesses(NOWHERE);
	const others = Object.keys(compose.services).filter((name) => !ACTORS.some((actor) => actor === name));
	const faults = ACTORS.filter((actor) => !compose.services[actor]).map((actor) => `no service runs ${actor}`);
	if (others.sort().join() !== OTHERS.join()) faults.push(`beside the actors there are ${others}`);
	for (const [name, service] of productOf(compose)) {
		const { image, environment = {}, deploy } = service;
		const wanted = plan.filter(({ actor }) => actor === name).length;
		if (deploy?.replicas !== wanted) faults.push(`${name} has ${deploy?.replicas} containers, the stack ${wanted}`);
		if (environment.SERVICES !== name) faults.push(`${name} runs ${environment.SERVICES}`);
		if (image !== `${product.name}:${product.version}`) faults.push(`${name} is an image of another version: ${image}`);
		// Either would be taken by the first container, and no second one could start.
		if (service.container_name || service.ports)
			faults.push(`${name} cannot be scaled: it has a name or port of its own`);
		if (service.restart !== "unless-stopped") faults.push(`${name} stays down when it dies`);
		if (secondsOf(service.stop_grace_period) <= DRAIN_S) faults.push(`${name} is killed while it drains`);
	}
	return faults;
}

/** Variables that the product does not know or does not accept, and data that has no place. */
export function environmentFaults(compose: Compose): string[] {
	return productOf(compose).flatMap(([name, { environment = {}, volumes = [], tmpfs = [], read_only }]) => {
		const faults = unknownVariables(name, environment);
		try {
			// As the image sets it.
			const config = readConfig({ DATA_DIR: "/data", NODE_ENV: "production", ...environment });
			if (config.host !== "0.0.0.0") faults.push(`${name} listens on ${config.host}`);
			if (config.trustProxy !== 1) faults.push(`${name} does not believe the edge`);
			const numbered = config.dataDir.includes(FOLDER_NUMBER);
			const kept = volumes.some((volume) => config.dataDir.startsWith(`${volume.split(":")[1]}/`));
			const passing = tmpfs.some((place) => place.split(":")[0] === config.dataDir);
			if (name === "gateway" ? !(numbered && kept) : numbered || !passing)
				faults.push(`${name} has no place of its own for ${config.dataDir}`);
			if (!read_only || !tmpfs.includes("/tmp")) faults.push(`${name} may write elsewhere than to its data`);
		} catch (error) {
			faults.push(`${name} does not start: ${(error as Error).message}`);
		}
		return faults;
	});
}

/** Servers that are told of and are not there, or listen elsewhere. */
export function serverFaults(compose: Compose): string[] {
	const faults: string[] = [];
	for (const [name, { environment = {}, depends_on }] of productOf(compose)) {
		for (const [variable, server] of Object.entries(SERVERS)) {
			const url = URL.parse(environment[variable] ?? "");
			const command = compose.services[url?.hostname ?? ""]?.command ?? [];
			if (url?.hostname !== server || command[command.indexOf("--port") + 1] !== url.port)
				faults.push(`${name} looks for ${server} at ${url?.host}, where it is not`);
			if (depends_on?.[server]?.condition !== "service_healthy") faults.push(`${name} does not wait for ${server}`);
		}
		const replicaSet = URL.parse(environment.MONGO_URL ?? "")?.searchParams.get("replicaSet");
		const { command = [], healthcheck } = compose.services.mongo ?? {};
		if (!command.includes(replicaSet ?? "") || !healthcheck?.test.join(" ").includes(`_id: "${replicaSet}"`))
			faults.push(`${name} looks for a replica set that is not made: ${replicaSet}`);
	}
	return faults;
}

/** Services whose health nobody sees, or sees where nobody listens. */
export function healthFaults({ services }: Compose): string[] {
	return Object.entries(services).flatMap(([name, { healthcheck, environment, ports, command = [] }]) => {
		if (healthcheck?.test[0] !== "CMD") return [`${name} does not tell its health`];
		const asked = /(?:127\.0\.0\.1[:/]|-p |--port )(\d+)/.exec(healthcheck.test.join(" "))?.[1];
		const heard = environment
			? [name === "gateway" ? environment.PORT : environment.METRICS_PORT]
			: [...command, ...(ports ?? []).map((port) => port.split(":").at(-1))];
		return asked && heard.includes(asked) ? [] : [`${name} is asked on ${asked}, where nobody listens`];
	});
}

/** Limits that are missing or another than the manifests of Kubernetes give, in bytes by service. */
export function limitFaults({ services }: Compose, memory: Readonly<Record<string, number>>): string[] {
	return Object.entries(services).flatMap(([name, { deploy }]) => {
		const limits = deploy?.resources?.limits;
		const bytes = bytesOf(limits?.memory);
		const faults: string[] = [];
		if (bytes === undefined || !Number.isInteger(limits?.pids)) faults.push(`${name} has no limits`);
		if (name !== "edge" && bytes !== memory[name])
			faults.push(`${name} may have ${limits?.memory}, on Kubernetes ${memory[name]} bytes`);
		return faults;
	});
}

/** Those that have another part of the processors than their turn gives, and those that phones wait for and are held to one. */
export function shareFaults({ services }: Compose): string[] {
	const turns = new Map<string, Turn>(planProcesses(NOWHERE).map(({ actor, turn }) => [actor, turn]));
	for (const name of ANSWERING) turns.set(name, "first");
	return Object.entries(services).flatMap(([name, { cpu_shares, deploy }]) => {
		const turn = turns.get(name) ?? "second";
		if (cpu_shares !== SHARES[turn]) return [`${name} goes ${turn} and has ${cpu_shares} cpu_shares`];
		return turn === "first" && deploy?.resources?.limits?.cpus ? [`${name} is held to a part of the processors`] : [];
	});
}

/** Where the edge leads, and nobody is. */
export function edgeFaults({ services }: Compose, caddyfile: string): string[] {
	const [, socketIo = "", rest = ""] = caddyfile.split(/\n\thandle(?= )/);
	const leads = [socketIo, rest].map((handle) => /dynamic a (\S+ \d+)/.exec(handle)?.[1]);
	const [realtime, gateway] = ["realtime", "gateway"].map((name) => {
		const service = services[name];
		return service && `${name} ${portOf(service)}`;
	});
	const faults: string[] = [];
	if (!socketIo.startsWith(" /socket.io/*") || leads[0] !== realtime)
		faults.push(`Socket.IO is led to ${leads[0]}, realtime is ${realtime}`);
	if (!rest.startsWith(" {") || leads[1] !== gateway)
		faults.push(`the rest is led to ${leads[1]}, gateway is ${gateway}`);
	const [published, inside] = (services.edge?.ports?.[0] ?? "").split(":");
	if (published !== "3000" || !caddyfile.includes(`\n:${inside} {`))
		faults.push(`the edge does not listen on what is published: ${inside}`);
	return faults;
}

/** Volumes that are used and not declared, or the other way round. */
export function volumeFaults({ services, volumes }: Compose): string[] {
	const used = Object.values(services)
		.flatMap((service) => service.volumes ?? [])
		.map((volume) => volume.split(":")[0] ?? "")
		.filter((volume) => !volume.startsWith("."));
	const declared = Object.keys(volumes);
	return [
		...used.filter((name) => !declared.includes(name)).map((name) => `the volume ${name} is not declared`),
		...declared.filter((name) => !used.includes(name)).map((name) => `nobody uses the volume ${name}`),
	];
}
