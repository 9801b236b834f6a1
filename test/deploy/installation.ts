/* What an installation on Kubernetes consists of, in the shapes that its tests ask about. */
import type { Manifest } from "../../scripts/manifests/kubectl.ts";

export type Labels = Readonly<Record<string, string>>;

export interface Selector {
	readonly matchLabels?: Labels;
	readonly matchExpressions?: readonly { key: string; operator: string; values: readonly string[] }[];
}

export interface Probe {
	readonly httpGet?: { path: string; port: string | number };
	readonly tcpSocket?: { port: string | number };
	readonly exec?: object;
}

interface EnvironmentVariable {
	readonly name: string;
	readonly value?: string;
	readonly valueFrom?: {
		secretKeyRef?: { name: string; key: string; optional?: boolean };
		configMapKeyRef?: { name: string; key: string };
	};
}

export interface Container {
	readonly name: string;
	readonly image: string;
	readonly command?: readonly string[];
	readonly args?: readonly string[];
	readonly env?: readonly EnvironmentVariable[];
	readonly envFrom?: readonly { configMapRef: { name: string } }[];
	readonly ports?: readonly { name: string; containerPort: number }[];
	readonly resources: { requests: Labels; limits: Labels };
	readonly securityContext: object;
	readonly startupProbe?: Probe;
	readonly livenessProbe?: Probe;
	readonly readinessProbe?: Probe;
	readonly lifecycle?: { preStop?: { exec?: { command: string[] }; sleep?: { seconds: number } } };
	readonly volumeMounts?: readonly { name: string; mountPath: string }[];
}

export interface Pod {
	readonly metadata: { labels: Labels };
	readonly spec: {
		readonly automountServiceAccountToken: boolean;
		readonly enableServiceLinks: boolean;
		readonly securityContext: Readonly<Record<string, unknown>>;
		readonly initContainers?: readonly Container[];
		readonly containers: readonly Container[];
		readonly terminationGracePeriodSeconds?: number;
		readonly topologySpreadConstraints?: readonly { topologyKey: string; labelSelector: Selector }[];
		readonly volumes?: readonly {
			readonly name: string;
			readonly configMap?: { name: string };
			readonly secret?: { secretName: string };
			readonly persistentVolumeClaim?: { claimName: string };
			readonly emptyDir?: object;
		}[];
	};
}

export interface Workload extends Manifest {
	readonly spec: {
		readonly selector?: Selector;
		readonly serviceName?: string;
		readonly replicas?: number;
		readonly template: Pod;
		readonly volumeClaimTemplates?: readonly { metadata: { name: string } }[];
		readonly persistentVolumeClaimRetentionPolicy?: { whenScaled: string };
	};
}

export interface Service extends Manifest {
	readonly spec: {
		readonly selector: Labels;
		readonly ports: readonly { name: string; port: number; targetPort: string | number }[];
	};
}

export interface Disruption extends Manifest {
	readonly spec: { selector: Selector };
}

export interface Autoscaler extends Manifest {
	readonly spec: {
		readonly scaleTargetRef: { kind: string; name: string };
		readonly minReplicas: number;
		readonly maxReplicas: number;
		readonly metrics: readonly { type: string; resource?: { name: string }; pods?: { metric: { name: string } } }[];
		readonly behavior?: object;
	};
}

interface Peer {
	readonly podSelector?: Selector;
	readonly namespaceSelector?: Selector;
	readonly ipBlock?: { cidr: string };
}

export interface NetworkRule {
	readonly from?: readonly Peer[];
	readonly to?: readonly Peer[];
	readonly ports: readonly { port: string | number }[];
}

export interface NetworkPolicy extends Manifest {
	readonly spec: {
		readonly podSelector: Selector;
		readonly policyTypes: readonly string[];
		readonly ingress?: readonly NetworkRule[];
		readonly egress?: readonly NetworkRule[];
	};
}

interface Kinds {
	readonly Service: Service;
	readonly PodDisruptionBudget: Disruption;
	readonly HorizontalPodAutoscaler: Autoscaler;
	readonly NetworkPolicy: NetworkPolicy;
	readonly ConfigMap: Manifest & { readonly data: Labels };
	readonly Secret: Manifest & { readonly stringData?: Labels };
	readonly Ingress: Manifest & {
		readonly spec: {
			readonly rules: readonly {
				http: { paths: readonly { path: string; backend: { service: { name: string; port: { name: string } } } }[] };
			}[];
		};
	};
	readonly Namespace: Manifest;
}

export function ofKind<K extends keyof Kinds>(manifests: readonly Manifest[], kind: K): Kinds[K][] {
	return manifests.filter((manifest) => manifest.kind === kind) as Kinds[K][];
}

/** Everything that makes pods. */
export function workloadsOf(manifests: readonly Manifest[]): Workload[] {
	return manifests.filter(({ kind }) => ["Deployment", "StatefulSet", "Job"].includes(kind)) as Workload[];
}

export function containersOf({ spec }: Workload): readonly Container[] {
	return [...(spec.template.spec.initContainers ?? []), ...spec.template.spec.containers];
}

export function selects({ matchLabels = {}, matchExpressions = [] }: Selector, labels: Labels): boolean {
	return (
		Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
		matchExpressions.every(({ key, values }) => values.includes(labels[key] ?? ""))
	);
}

/** The number of a port that a container names; undefined when it has no such port. */
export function portOf(container: Container | undefined, port: string | number): number | undefined {
	return container?.ports?.find(({ name, containerPort }) => name === port || containerPort === port)?.containerPort;
}
