/** The embedded records: a SQLite file in a worker thread, so that none of their commits holds up a redirect. */

import { WorkerClient } from "../worker-rpc.ts";
import type { Lease, MadeReport, NewRun, Records, RunChange } from "./records.ts";
import type { RecordsCall, SqliteRecordsMethods } from "./sqlite-records.worker.ts";

/**
 * Opens the records in a file, which is made when absent; other processes may have it open, too.
 *
 * @throws when the file cannot be opened, or was written by a newer release.
 */
export async function openSqliteRecords({ file }: { readonly file: string }): Promise<Records> {
	const worker = new WorkerClient<SqliteRecordsMethods>(
		new URL("./sqlite-records.worker.ts", import.meta.url),
		undefined,
	);
	try {
		await worker.call("open", file);
		return new SqliteRecords(worker);
	} catch (error) {
		await worker.close();
		throw error;
	}
}

class SqliteRecords implements Records {
	readonly #worker: WorkerClient<SqliteRecordsMethods>;

	constructor(worker: WorkerClient<SqliteRecordsMethods>) {
		this.#worker = worker;
	}

	heartbeat(actor: string, node: string, ttlMs: number) {
		return this.#call("heartbeat", actor, node, ttlMs);
	}

	leave(actor: string, node: string) {
		return this.#call("leave", actor, node);
	}

	acquire(name: string, holder: string, ttlMs: number) {
		return this.#call("acquire", name, holder, ttlMs);
	}

	release(lease: Lease) {
		return this.#call("release", lease);
	}

	queueRun(run: NewRun) {
		return this.#call("queueRun", run);
	}

	nextRun() {
		return this.#call("nextRun");
	}

	changeRun(id: string, change: RunChange, lease: Lease) {
		return this.#call("changeRun", id, change, lease);
	}

	runs(job: string, page: number, pageSize: number) {
		return this.#call("runs", job, page, pageSize);
	}

	runningRuns() {
		return this.#call("runningRuns");
	}

	keepReport(made: MadeReport, lease: Lease) {
		return this.#call("keepReport", made, lease);
	}

	reportPeriods(organisation: string, report: string) {
		return this.#call("reportPeriods", organisation, report);
	}

	reportRuns(...query: Parameters<Records["reportRuns"]>) {
		return this.#call("reportRuns", ...query);
	}

	reportFile(...query: Parameters<Records["reportFile"]>) {
		return this.#call("reportFile", ...query);
	}

	reportFilesBeyond(...query: Parameters<Records["reportFilesBeyond"]>) {
		return this.#call("reportFilesBeyond", ...query);
	}

	dropReportFiles(...query: Parameters<Records["dropReportFiles"]>) {
		return this.#call("dropReportFiles", ...query);
	}

	dropReports(organisation: string, report: string) {
		return this.#call("dropReports", organisation, report);
	}

	salts(days: readonly string[]) {
		return this.#call("salts", days);
	}

	putToken(hash: string, expiresAt: number) {
		return this.#call("putToken", hash, expiresAt);
	}

	takeToken(hash: string) {
		return this.#call("takeToken", hash);
	}

	claimOnce(name: string) {
		return this.#call("claimOnce", name);
	}

	ping() {
		return this.#call("ping");
	}

	async close(): Promise<void> {
		await this.#call("close").catch(() => undefined);
		await this.#worker.close();
	}

	#call<K extends keyof Records>(method: K, ...args: Parameters<Records[K]>): ReturnType<Records[K]> {
		return this.#worker.call("call", [method, ...args] satisfies RecordsCall) as ReturnType<Records[K]>;
	}
}
