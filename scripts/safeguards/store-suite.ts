/* Tests of the suite that both scan stores pass, as witnesses. */
import type { Witness } from "./safeguard.ts";

export const OF_SQLITE = "test/store/sqlite-store.test.ts";
export const OF_MONGO = "test/store/mongo-store.test.ts";

/** A test of the suite that both stores pass. */
export function inSuite(test: string, says: string) {
	return (file: string): Witness => ({ file, test, says });
}
