/*
 * What a test file opened is closed when the file ends, also when a test failed on the way: in the reverse order of its
 * opening, after the file's own hooks. Importing this module (through the harness) is what registers it.
 */
import { afterAll } from "vitest";

const closers: (() => Promise<unknown>)[] = [];

/** Runs `close` at the end of the test file. It must do no harm when the test has closed the thing itself. */
export function atEndOfFile(close: () => Promise<unknown>): void {
	closers.push(close);
}

afterAll(async () => {
	const failures: unknown[] = [];
	for (let close = closers.pop(); close; close = closers.pop()) {
		await close().catch((error: unknown) => failures.push(error));
	}
	if (failures.length > 0) throw new AggregateError(failures, "not everything that the tests opened could be closed");
});
