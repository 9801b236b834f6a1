import { describe, expect, test } from "vitest";
import type { AcceptedScan } from "../../contracts/scan.ts";
import { until } from "../../scripts/servers/until.ts";
import { IngestBuffer } from "../../services/gateway/ingest-buffer.ts";
import { Patience } from "../../services/gateway/patience.ts";

/** A phone, and when it was sent on. */
function phone() {
	const it = {
		sentOnAt: undefined as number | undefined,
		sendOn() {
			it.sentOnAt ??= performance.now();
		},
	};
	return it;
}

describe("a phone whose scan is not durable yet", () => {
	test("is sent on when its time is up, and no sooner", async () => {
		const patience = new Patience({ ms: 25, isLate: () => false });
		const begun = performance.now();
		const waiting = phone();
		patience.wait(waiting);
		await until(() => waiting.sentOnAt !== undefined, { what: "the end of patience", timeoutMs: 2_000, everyMs: 1 });
		expect((waiting.sentOnAt as number) - begun).toBeGreaterThanOrEqual(25);
	});

	test("does not wait at all while the log is late, and waits again afterwards", async () => {
		let late = false;
		const patience = new Patience({ ms: 60_000, isLate: () => late });
		const [before, during, after] = [phone(), phone(), phone()];
		patience.wait(before);
		expect(before.sentOnAt).toBeUndefined();
		late = true;
		await until(() => before.sentOnAt !== undefined, { what: "those who wait to be sent on", timeoutMs: 2_000 });
		patience.wait(during);
		expect(during.sentOnAt).toBeDefined();
		late = false;
		await until(
			() => {
				const asking = phone();
				patience.wait(asking);
				return asking.sentOnAt === undefined;
			},
			{ what: "patience", timeoutMs: 2_000 },
		);
		patience.wait(after);
		expect(after.sentOnAt).toBeUndefined();
	});
});

test("the log is late when a crowd waits for a message that takes much longer than usual", async () => {
	const scan: AcceptedScan = {
		...{ id: "1", organisation: "o", code: "c", slug: "s", at: 1, source: "qr", device: "other", bot: false },
	};
	const standing = Promise.withResolvers<void>();
	const place = { append: () => standing.promise };
	const buffer = new IngestBuffer({ partitions: 4, log: place, spool: place });
	const few = Array.from({ length: 10 }, () => buffer.accept([scan]));
	const begun = performance.now();
	await until(() => performance.now() - begun > 50, { what: "50 ms", timeoutMs: 2_000 });
	expect(buffer.late).toBe(false);
	const crowd = Array.from({ length: 40 }, () => buffer.accept([scan]));
	expect(buffer.late).toBe(true);
	standing.resolve();
	await Promise.all([...few, ...crowd]);
	expect(buffer.late).toBe(false);
});
