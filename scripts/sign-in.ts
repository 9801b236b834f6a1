/*
 * Prints a one-time link that signs in to this deployment (`npm run sign-in`). It is made in the records that the
 * configuration names, beside a running product.
 */
import { existsSync } from "node:fs";
import { ConfigError, readConfig } from "../platform/config.ts";
import { createHttpHost } from "../platform/http.ts";
import { openRecords } from "../platform/records/open.ts";
import { createSignInUrl } from "../platform/sign-in.ts";

try {
	const config = readConfig(process.env);
	if (config.mongoUrl === undefined && !existsSync(config.dataDir)) {
		throw new ConfigError(`DATA_DIR is ${JSON.stringify(config.dataDir)}: expected the folder of a running product`);
	}
	const records = await openRecords(config);
	try {
		console.log(`sign-in ${await createSignInUrl(records, createHttpHost(config).publicUrl())}`);
	} finally {
		await records.close();
	}
} catch (error) {
	console.error(error instanceof ConfigError ? error.message : error);
	process.exit(1);
}
