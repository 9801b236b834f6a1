/* Who may speak with whom on which port, worked out of an installation's network policies. */
import type { Manifest } from "../../scripts/manifests/kubectl.ts";
import {
	type NetworkPolicy,
	type NetworkRule,
	ofKind,
	portOf,
	selects,
	type Workload,
	workloadsOf,
} from "./installation.ts";

const DNS = 53;

const nameOf = (workload: Workload) => workload.spec.template.metadata.labels["app.kubernetes.io/name"] as string;
const labelsOf = (workload: Workload) => workload.spec.template.metadata.labels;

function rulesFor(policies: readonly NetworkPolicy[], workload: Workload, way: "ingress" | "egress"): NetworkRule[] {
	return policies
		.filter(({ spec }) => selects(spec.podSelector, labelsOf(workload)))
		.flatMap(({ spec }) => spec[way] ?? []);
}

/** The ports, by number, on which a rule lets a pod be reached. */
function portsOf(rule: NetworkRule, target: Workload): number[] {
	return rule.ports.flatMap(({ port }) => portOf(target.spec.template.spec.containers[0], port) ?? []);
}

/**
 * Every arrow as `from > to:port`. Inside the namespace both ends must allow it; what only one allows is `half: …`. From
 * and to the outside it is named by the labels of a namespace or by its addresses.
 */
export function arrowsOf(manifests: readonly Manifest[]): string[] {
	const policies = ofKind(manifests, "NetworkPolicy");
	const workloads = workloadsOf(manifests);
	const out = new Set<string>();
	const into = new Set<string>();
	const outside = new Set<string>();
	for (const workload of workloads) {
		const name = nameOf(workload);
		for (const rule of rulesFor(policies, workload, "egress")) {
			for (const peer of rule.to ?? [{}]) {
				if (peer.podSelector) {
					const { podSelector } = peer;
					for (const target of workloads.filter((one) => selects(podSelector, labelsOf(one))))
						for (const port of portsOf(rule, target)) out.add(`${name} > ${nameOf(target)}:${port}`);
				} else {
					for (const { port } of rule.ports)
						if (port !== DNS) outside.add(`${name} > ${peer.ipBlock?.cidr ?? "anywhere"}:${port}`);
				}
			}
		}
		for (const rule of rulesFor(policies, workload, "ingress")) {
			for (const peer of rule.from ?? [{}]) {
				for (const port of portsOf(rule, workload)) {
					if (peer.podSelector) {
						const { podSelector } = peer;
						for (const source of workloads.filter((one) => selects(podSelector, labelsOf(one))))
							into.add(`${nameOf(source)} > ${name}:${port}`);
					} else {
						const labels = Object.keys(peer.namespaceSelector?.matchLabels ?? { "any namespace": "" });
						outside.add(`${labels} > ${name}:${port}`);
					}
				}
			}
		}
	}
	return [
		...[...out].map((arrow) => (into.has(arrow) ? arrow : `half: ${arrow}`)),
		...[...into].filter((arrow) => !out.has(arrow)).map((arrow) => `half: ${arrow}`),
		...outside,
	].sort();
}

/** Pods that speak and listen as they like because no policy selects them. */
export function unguarded(manifests: readonly Manifest[]): string[] {
	const policies = ofKind(manifests, "NetworkPolicy");
	return workloadsOf(manifests)
		.filter((workload) =>
			["Ingress", "Egress"].some(
				(way) =>
					!policies.some(({ spec }) => spec.policyTypes.includes(way) && selects(spec.podSelector, labelsOf(workload))),
			),
		)
		.map(nameOf);
}
