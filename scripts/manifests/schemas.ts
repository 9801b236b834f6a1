/*
 * Holds manifests against the schemas of Kubernetes' own OpenAPI description and of the Gateway API's and the Prometheus
 * operator's resources, all offline. Validators say what is missing or of a wrong shape; the compiler, given the
 * manifest as a literal of its kind's type, says what no such kind has.
 */
import path from "node:path";
import ts from "typescript";
import type { Manifest } from "./kubectl.ts";

const ROOT = path.join(import.meta.dirname, "..", "..");
const PACKAGES: Readonly<Record<string, string>> = {
	"gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
	"monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
};

/** The module that describes a kind, such as `kubernetes-models/apps/v1/Deployment`. */
function moduleOf({ apiVersion, kind }: Manifest): string {
	const group = apiVersion.split("/")[0] as string;
	return `${PACKAGES[group] ?? "kubernetes-models"}/${apiVersion}/${kind}`;
}

interface Model {
	validate(): void;
}

/** What the schemas say against a manifest; nothing when it fits. */
async function shapeFaults(manifest: Manifest): Promise<string[]> {
	let model: Record<string, new (data: Manifest) => Model>;
	try {
		model = await import(moduleOf(manifest));
	} catch {
		return [`no schema of ${manifest.apiVersion} ${manifest.kind} is known`];
	}
	const Kind = model[manifest.kind];
	if (!Kind) return [`${moduleOf(manifest)} has no ${manifest.kind}`];
	try {
		new Kind(manifest).validate();
		return [];
	} catch (error) {
		return [(error as Error).message];
	}
}

/** What the compiler says against manifests that are written as literals of their types, by the manifest's place. */
function typeFaults(manifests: readonly Manifest[]): Map<number, string[]> {
	const file = path.join(ROOT, "manifests.generated.ts");
	const lines = manifests.map((manifest, n) => {
		const type = `import("${moduleOf(manifest)}").I${manifest.kind}`;
		return `export const m${n}: ${type} = ${JSON.stringify(manifest)};`;
	});
	const options: ts.CompilerOptions = {
		target: ts.ScriptTarget.ESNext,
		module: ts.ModuleKind.NodeNext,
		moduleResolution: ts.ModuleResolutionKind.NodeNext,
		strict: true,
		noEmit: true,
		skipLibCheck: true,
		types: [],
	};
	const host = ts.createCompilerHost(options);
	const { fileExists, getSourceFile } = host;
	host.fileExists = (name) => name === file || fileExists(name);
	host.getSourceFile = (name, ...rest) =>
		name === file
			? ts.createSourceFile(name, lines.join("\n"), ts.ScriptTarget.ESNext)
			: getSourceFile.call(host, name, ...rest);
	const program = ts.createProgram([file], options, host);
	const faults = new Map<number, string[]>();
	for (const diagnostic of program.getSemanticDiagnostics(program.getSourceFile(file))) {
		const { line } = diagnostic.file?.getLineAndCharacterOfPosition(diagnostic.start ?? 0) ?? { line: 0 };
		const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, "\n");
		faults.set(line, [...(faults.get(line) ?? []), text]);
	}
	return faults;
}

/** A fault, with the kind and name of its manifest, and which of those given it is. */
export interface Fault {
	readonly at: number;
	readonly fault: string;
}

/** Every fault found in any of the manifests. */
export async function findFaults(manifests: readonly Manifest[]): Promise<Fault[]> {
	const types = typeFaults(manifests);
	const found = await Promise.all(
		manifests.map(async (manifest, at) =>
			[...(await shapeFaults(manifest)), ...(types.get(at) ?? [])].map((fault) => ({
				at,
				fault: `${manifest.kind} ${manifest.metadata.name}: ${fault}`,
			})),
		),
	);
	return found.flat();
}
