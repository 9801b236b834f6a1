/*
 * A step of `npm run check`: renders everything in k8s/ that can be applied and holds it against the schemas of its kinds.
 */

import {
	JOBS,
	OPTIONAL_COMPONENTS,
	OVERLAYS,
	renderJob,
	renderOverlay,
	renderWith,
} from "./manifests/installations.ts";
import { findFaults } from "./manifests/schemas.ts";

const rendered = await Promise.all([
	...OVERLAYS.map(async (name) => ({ name: `overlay ${name}`, manifests: await renderOverlay(name) })),
	...JOBS.map(async (name) => ({ name: `job ${name}`, manifests: await renderJob(name) })),
	(async () => ({
		name: `overlay production with ${OPTIONAL_COMPONENTS.join(" and ")}`,
		manifests: await renderWith("production", OPTIONAL_COMPONENTS),
	}))(),
]);
// The same object in several installations is looked at once.
const distinct = new Map(
	rendered.flatMap(({ name, manifests }) =>
		manifests.map((manifest) => [JSON.stringify(manifest), { name, manifest }] as const),
	),
);
const looked = [...distinct.values()];
const faults = await findFaults(looked.map(({ manifest }) => manifest));
for (const { at, fault } of faults) console.error(`${looked[at]?.name}: ${fault}`);
for (const { name, manifests } of rendered) {
	console.log(`${name}: ${manifests.length} objects`);
	if (manifests.length === 0) process.exitCode = 1;
}
if (faults.length > 0) process.exitCode = 1;
