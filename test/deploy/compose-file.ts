/* docker-compose.yml as the engine reads it on a machine that sets no variable of its own, and its shapes. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { Ajv } from "ajv";
import { parse } from "yaml";

export interface ComposeService {
	readonly image: string;
	readonly command?: readonly string[];
	readonly container_name?: string;
	readonly cpu_shares?: number;
	readonly depends_on?: Readonly<Record<string, { condition: string }>>;
	readonly deploy?: {
		readonly replicas?: number;
		readonly resources?: { readonly limits?: { memory?: string; cpus?: string; pids?: number } };
	};
	readonly environment?: Readonly<Record<string, string>>;
	readonly healthcheck?: { readonly test: readonly string[] };
	readonly ports?: readonly string[];
	readonly read_only?: boolean;
	readonly restart?: string;
	readonly stop_grace_period?: string;
	readonly tmpfs?: readonly string[];
	readonly volumes?: readonly string[];
}

export interface Compose {
	readonly services: Readonly<Record<string, ComposeService>>;
	readonly volumes: Readonly<Record<string, null>>;
}

const ROOT = path.join(import.meta.dirname, "..", "..");
/** A package that carries the schema of the Compose specification. */
const SCHEMA = createRequire(import.meta.url).resolve("dclint/package.json");

/** The text with its variables put in: `${NAME:-default}` is the default, `$$` a dollar. */
export async function readCompose(): Promise<string> {
	const text = await readFile(path.join(ROOT, "docker-compose.yml"), "utf8");
	return text.replaceAll(/\$\{\w+:-([^}]*)\}/g, "$1").replaceAll("$$", "$");
}

export const parseCompose = (text: string): Compose => parse(text, { merge: true }) as Compose;

/** What the schema of the Compose specification does not allow, and where. */
export async function schemaFaults(compose: Compose): Promise<string[]> {
	const file = path.join(path.dirname(SCHEMA), "schemas", "compose.schema.json");
	const { $schema: _, ...schema } = JSON.parse(await readFile(file, "utf8")) as Record<string, unknown>;
	const validate = new Ajv({ allErrors: true, strict: false }).compile(schema);
	validate(compose);
	return (validate.errors ?? []).map(({ instancePath, message, params }) =>
		`${instancePath} ${message} ${Object.values(params).join()}`.trim(),
	);
}

/** Bytes of a size as Compose writes it; undefined when it is none. */
export function bytesOf(size: string | undefined): number | undefined {
	const [, figure, unit] = /^(\d+)([kmg])$/.exec(size ?? "") ?? [];
	if (figure === undefined || unit === undefined) return undefined;
	return Number(figure) * 1024 ** ("kmg".indexOf(unit) + 1);
}

/** Seconds of a duration as Compose writes it; 0 when there is none. */
export function secondsOf(duration: string | undefined): number {
	return Number(/^(\d+)s$/.exec(duration ?? "")?.[1] ?? 0);
}
