/*
 * The last step of a restore: the store says that its positions begin anew, so that no screen and no cache goes on from
 * numbers of before. MONGO_URL names the store, as for every process.
 */
import { readConfig } from "../platform/config.ts";
import { openScanStore } from "../platform/store/open.ts";

const config = readConfig(process.env);
if (config.mongoUrl === undefined) throw new Error("MONGO_URL is not set: expected the address of the restored store");
const store = await openScanStore(config);
try {
	console.log(`the store's epoch is now ${await store.renewEpoch()}`);
} finally {
	await store.close();
}
