/** What a store must give for the shared suite to run on it. */

import type { ScanStore } from "../../../platform/store/scan-store.ts";

/** One place of data, empty at first. */
export interface ProvidedStore {
	/** A new store object on the data: after a crash, or side by side with others. The suite closes none of them. */
	open(): Promise<ScanStore>;
	/** Closes what was opened and removes the data. */
	remove(): Promise<void>;
}

/** Makes a place of data for one test. */
export type ProvideStore = () => Promise<ProvidedStore>;
