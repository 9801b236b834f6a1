/**
 * `cleanup_old_data`: raw scans go by months when all of a month is older than their retention, quarter hours when they
 * are older than 400 days and their days are closed. Nothing goes that was not audited and found clean, so that what is
 * wrong can still be mended.
 */

import { CodedError } from "../../contracts/errors.ts";
import { QUARTERS_LIVE_DAYS } from "../../platform/store/quarters.ts";
import type { AuditReport, ScanStore } from "../../platform/store/scan-store.ts";
import { monthEnd, monthOf, monthStart } from "../../platform/store/utc-month.ts";
import { firstUnclosed } from "./closer.ts";
import type { JobContext } from "./runner.ts";

const DAY_MS = 24 * 60 * 60_000;
/** A month stays so much longer, for scans that were accepted in time and waited in a spool, days. */
const GRACE_DAYS = 7;

export interface CleanupOptions {
	readonly store: ScanStore;
	/** How long raw scans are kept, days. */
	readonly retentionDays: number;
	/** The organisation's IANA time zone. */
	timeZoneOf(organisation: string): Promise<string>;
	/** Epoch ms. @defaultValue now */
	readonly now?: number;
}

export interface CleanupReport {
	/** Nothing was changed: this is what would go. */
	readonly dryRun: boolean;
	/** Months of raw scans that went, or would go. */
	readonly months: readonly { readonly month: string; readonly scans: number }[];
	/** First instants of quarter hours before which none is kept, ISO; absent when none had to go. */
	readonly quartersBefore?: string;
	readonly quarters: number;
	/** Months that stay because they were not found clean, with the first report that says so. */
	readonly kept: readonly { readonly month: string; readonly report: AuditReport }[];
	/** Days that are not closed, the first of each organisation: their quarters, and later ones, stay. */
	readonly unclosed: readonly { readonly organisation: string; readonly date: string }[];
}

/** @throws `invalid` when a parameter is none */
export async function cleanUp(options: CleanupOptions, { params, lease, signal }: JobContext): Promise<CleanupReport> {
	const { store, retentionDays, now = Date.now() } = options;
	const dryRun = booleanParameter("dryRun", params.dryRun) ?? false;
	const known = await store.months();
	const months: { month: string; scans: number }[] = [];
	const kept: { month: string; report: AuditReport }[] = [];

	// What an earlier run closed and did not finish.
	if (!dryRun) for (const { month, state } of known) if (state === "closed") await store.dropMonth(month, lease);
	const over = now - (retentionDays + GRACE_DAYS) * DAY_MS;
	for (const { month, state } of known) {
		if (signal.aborted) break;
		if (state === "closed" || monthEnd(month) > over) continue;
		if (!dryRun) await store.markMonth(month, "closing", lease);
		const { scans, dirty } = await auditMonth(store, month);
		if (dirty) {
			kept.push({ month, report: dirty });
			if (!dryRun) await store.markMonth(month, "open", lease);
		} else {
			if (!dryRun) await store.dropMonth(month, lease);
			months.push({ month, scans });
		}
	}
	const clean = signal.aborted ? undefined : await quartersToDrop(store, now, kept);
	const { before, unclosed } = await upToUnclosed(options, clean);
	const quarters = before === undefined || dryRun ? 0 : (await store.dropQuarters(before, lease)).quarters;
	const quartersBefore = before === undefined ? undefined : new Date(before).toISOString();
	return { dryRun, months, quarters, kept, unclosed, ...(quartersBefore && { quartersBefore }) };
}

/** What is not closed has nothing but its quarters: none goes from the month on in which the first such day begins. */
async function upToUnclosed({ store, timeZoneOf }: CleanupOptions, clean: number | undefined) {
	const unclosed: { organisation: string; date: string }[] = [];
	let before = clean;
	if (clean === undefined) return { before, unclosed };
	for (const known of await store.organisations()) {
		const day = await firstUnclosed(store, known, await timeZoneOf(known.organisation), clean);
		if (!day) continue;
		unclosed.push({ organisation: known.organisation, date: day.date });
		before = Math.min(before ?? clean, monthStart(monthOf(day.start)));
	}
	return { before, unclosed };
}

/** Counts a month of every organisation again; `dirty` is the first report of differences. */
async function auditMonth(store: ScanStore, month: string): Promise<{ scans: number; dirty?: AuditReport }> {
	let scans = 0;
	for (const { organisation } of await store.organisations()) {
		const report = await store.audit({ organisation, month });
		if (!report.clean) return { scans, dirty: report };
		scans += report.scans;
	}
	return { scans };
}

/** Whole months again, up to the first that was not found clean; adds to `kept` what it finds. */
async function quartersToDrop(
	store: ScanStore,
	now: number,
	kept: { month: string; report: AuditReport }[],
): Promise<number | undefined> {
	// A local day may lie in two UTC dates.
	const last = monthOf(now - (QUARTERS_LIVE_DAYS + 2) * DAY_MS);
	for (const { month, state } of await store.months()) {
		if (month >= last) break;
		if (kept.some((one) => one.month === month)) return monthStart(month);
		if (state === "closed") continue;
		const { dirty } = await auditMonth(store, month);
		if (!dirty) continue;
		kept.push({ month, report: dirty });
		return monthStart(month);
	}
	return monthStart(last);
}

/** @throws `invalid` naming the parameter */
export function booleanParameter(name: string, value: unknown): boolean | undefined {
	if (value === undefined || typeof value === "boolean") return value;
	const message = `${JSON.stringify(value)}: expected true or false`;
	throw new CodedError("invalid", `${name}: ${message}`, { errors: [{ path: name, message }] });
}
