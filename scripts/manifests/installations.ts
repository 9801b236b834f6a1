/* What can be applied from k8s/, and the components that overlays may add. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type Manifest, render } from "./kubectl.ts";

const K8S = path.join(import.meta.dirname, "..", "..", "k8s");

export const OVERLAYS = ["dev", "production", "production-external"] as const;
export const JOBS = ["backup", "restore"] as const;
/** Kinds that a cluster has only when somebody installed them. */
export const OPTIONAL_COMPONENTS = ["gateway-api", "monitoring"] as const;

export const renderOverlay = (name: (typeof OVERLAYS)[number]): Promise<Manifest[]> =>
	render(path.join(K8S, "overlays", name));

export const renderJob = (name: (typeof JOBS)[number]): Promise<Manifest[]> => render(path.join(K8S, "jobs", name));

/** An overlay with components added, as an operator's own overlay would. */
export async function renderWith(
	overlay: (typeof OVERLAYS)[number],
	components: readonly (typeof OPTIONAL_COMPONENTS)[number][],
): Promise<Manifest[]> {
	const folder = await mkdtemp(path.join(K8S, "overlays", ".with-"));
	try {
		await writeFile(
			path.join(folder, "kustomization.yaml"),
			JSON.stringify({
				apiVersion: "kustomize.config.k8s.io/v1beta1",
				kind: "Kustomization",
				resources: [`../${overlay}`],
				components: components.map((name) => `../../components/${name}`),
			}),
		);
		return await render(folder);
	} finally {
		await rm(folder, { recursive: true });
	}
}
