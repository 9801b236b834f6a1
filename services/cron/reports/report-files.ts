/** Makes the files of reports, in a thread that lives as long as there are some to make. */

import type { ReportContent, ReportFormat } from "../../../contracts/report.ts";
import { WorkerClient } from "../../../platform/worker-rpc.ts";
import type { ReportFileMethods } from "./report-files.worker.ts";

const WORKER = new URL("./report-files.worker.ts", import.meta.url);

export class ReportFiles {
	#worker: WorkerClient<ReportFileMethods> | undefined;

	/** Gzipped, by format. */
	render(content: ReportContent, formats: readonly ReportFormat[]) {
		this.#worker ??= new WorkerClient<ReportFileMethods>(WORKER, undefined);
		return this.#worker.call("render", { content, formats });
	}

	/** Ends the thread; the next report begins another. */
	async close(): Promise<void> {
		const worker = this.#worker;
		this.#worker = undefined;
		await worker?.close();
	}
}
