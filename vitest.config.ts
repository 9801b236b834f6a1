import { defineConfig } from "vitest/config";

/** Real servers and processes start in these tests: time-outs are generous, files run two at a time on small machines. */
export default defineConfig({
	test: {
		include: ["test/**/*.test.ts", "frontend/test/**/*.test.ts"],
		testTimeout: 60_000,
		hookTimeout: 120_000,
		maxWorkers: 2,
	},
});
