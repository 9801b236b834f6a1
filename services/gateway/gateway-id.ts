/**
 * The name under which a gateway reports: it belongs to the data folder, not to the process, because the scans that wait
 * in the folder's spool outlive the process. Who brings them home can so take back what a dead gateway said of them.
 */

import { randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

const FILE = "gateway.id";

/** The folder's name, undefined when no gateway ever worked in it. */
export async function readGatewayId(dataDir: string): Promise<string | undefined> {
	const id = await readFile(join(dataDir, FILE), "utf8").catch(() => "");
	return /^[\w-]{8,64}$/.test(id) ? id : undefined;
}

/** The folder's name, made when it has none; one for this process only when it cannot be kept. */
export async function gatewayId(dataDir: string): Promise<string> {
	const known = await readGatewayId(dataDir);
	if (known !== undefined) return known;
	const id = randomUUID();
	await writeFile(join(dataDir, FILE), id).catch(() => undefined);
	return id;
}
