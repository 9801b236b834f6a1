/** Gives each test of the shared suite its own data, and removes it whatever happens. */

import { test } from "vitest";
import type { ScanStore, Selection } from "../../../platform/store/scan-store.ts";
import { NOON } from "../scans.ts";
import type { ProvidedStore, ProvideStore } from "./provided.ts";

export function storeTest(
	provide: ProvideStore,
	behaviour: string,
	run: (store: ScanStore, provided: ProvidedStore) => Promise<void>,
): void {
	test(behaviour, async () => {
		const provided = await provide();
		try {
			await run(await provided.open(), provided);
		} finally {
			await provided.remove();
		}
	});
}

/** Everything of organisation `acme` around noon, bots left out. */
export function selection(differences: Partial<Selection> = {}): Selection {
	return {
		organisation: "acme",
		from: NOON - 40 * 86_400_000,
		to: NOON + 40 * 86_400_000,
		filters: [],
		bots: false,
		...differences,
	};
}
