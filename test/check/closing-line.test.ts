/*
 * The closing line of `npm test` tells the truth: nothing that went wrong is missing from the number of failures.
 */
import { expect, test } from "vitest";
import { closingLine, count } from "../../scripts/test.ts";

const file = (status: string, ...tests: string[]) => ({
	status,
	assertionResults: tests.map((test) => ({ status: test })),
});

test("passed and failed tests are counted, and the line is plain", () => {
	const report = {
		...{ numPassedTests: 3, numFailedTests: 1, numPendingTests: 0, numTodoTests: 0 },
		testResults: [file("passed", "passed", "passed"), file("failed", "passed", "failed")],
	};
	expect(closingLine(count(report, 1))).toBe("3 passed, 1 failed");
});

test("a file that could not be loaded is a failure", () => {
	const report = {
		...{ numPassedTests: 1, numFailedTests: 0, numPendingTests: 2, numTodoTests: 0 },
		testResults: [file("passed", "passed"), file("failed"), file("failed", "pending", "pending")],
	};
	expect(closingLine(count(report, 1))).toBe("1 passed, 2 failed, 2 skipped");
});

test("a crash, an unhandled error and a run without a test are failures", () => {
	const empty = { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, numTodoTests: 0, testResults: [] };
	expect(count(undefined, 139).failed).toBe(1);
	expect(count({ ...empty, numPassedTests: 5 }, 1).failed).toBe(1);
	expect(count(empty, 0).failed).toBe(1);
	expect(count({ ...empty, numPassedTests: 5 }, 0).failed).toBe(0);
});
