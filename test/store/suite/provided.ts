/** What a store must give for the shared suite to run on it. */

import type { ScanStore } from "../../../platform/store/scan-store.ts";

/** What can be tampered with: of organisation `acme` and its code `poster`, 2026-03-14 or March. */
export const TAMPERINGS = [
	"a raw scan",
	"a code's quarter",
	"a value of a code's quarter",
	"an organisation's quarter",
	"a code's total",
	"an organisation's total",
	"a code's day",
	"an organisation's day",
	"a value of an organisation's day",
	"an hour of an organisation's day",
	"a code's month",
	"an organisation's month",
	"a value of a code's month",
	"an hour of an organisation's month",
	"a day of an organisation's month",
	"a code of an organisation's month",
	"a code of an organisation's day",
	"a packed value of an organisation's day",
	"a packed code of an organisation's month",
	"a packed quarter hour of an organisation's month",
	"the ledger's stored scans",
	"the ledger's accepted scans",
] as const;
export type Tampering = (typeof TAMPERINGS)[number];

/** One place of data, empty at first. */
export interface ProvidedStore {
	/** A new store object on the data: after a crash, or side by side with others. The suite closes none of them. */
	open(): Promise<ScanStore>;
	/** Changes one thing that is kept, behind the store's back, by 1 or back by -1. */
	tamper(kind: Tampering, by: 1 | -1): Promise<void>;
	/**
	 * Leaves closed days as an earlier release wrote them, without their zone, their codes, and what a cap touched, and
	 * months as a later one did: nothing is packed.
	 */
	age(): Promise<void>;
	/** Closes what was opened and removes the data. */
	remove(): Promise<void>;
}

/** Makes a place of data for one test. */
export type ProvideStore = () => Promise<ProvidedStore>;
