import { defineConfig } from "vitest/config";

const EVERY_TEST = ["test/**/*.test.ts", "frontend/test/**/*.test.ts"];
/** Tests that measure time or load the whole machine: each runs when nothing else does. */
const ALONE = ["test/live/**/*.test.ts", "test/chaos/**/*.test.ts"];

/** Real servers and processes start in these tests, so time-outs are generous. */
const timeouts = { testTimeout: 60_000, hookTimeout: 120_000 };

export default defineConfig({
	test: {
		projects: [
			{
				test: {
					name: "together",
					include: EVERY_TEST,
					exclude: ALONE,
					maxWorkers: 2,
					sequence: { groupOrder: 0 },
					...timeouts,
				},
			},
			{
				test: { name: "alone", include: ALONE, fileParallelism: false, sequence: { groupOrder: 1 }, ...timeouts },
			},
		],
	},
});
