/*
 * What the records promise in every store. Each store is opened twice, as two processes do that share it.
 */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { codeOf } from "../../contracts/errors.ts";
import type { Records } from "../../platform/records/records.ts";
import { until } from "../../scripts/servers/until.ts";

/** Where records live: opened several times, they are the same. */
export interface RecordsPlace {
	open(): Promise<Records>;
	/** Puts a salt there whose day ended long ago. */
	plantSalt(day: string, salt: string): Promise<void>;
	/** Whether a text can be found in what is stored. */
	holds(text: string): Promise<boolean>;
}

const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);

/** Describes records; `newPlace` gives a place where none are yet. */
export function describeRecords(name: string, newPlace: () => Promise<RecordsPlace>): void {
	describe(`the records in ${name}`, () => {
		let place: RecordsPlace;
		let one: Records;
		let other: Records;
		beforeEach(async () => {
			place = await newPlace();
			// One after the other: while a file becomes a database, nobody else can open it.
			one = await place.open();
			other = await place.open();
		});
		afterEach(() => Promise.all([one.close(), other.close()]));

		test("nodes see each other in order while they live, apart by actor, and not after they left", async () => {
			expect(await one.heartbeat("scans", "b", 60_000)).toEqual(["b"]);
			expect(await other.heartbeat("scans", "a", 60_000)).toEqual(["a", "b"]);
			expect(await other.heartbeat("scans", "$c.d", 60_000)).toEqual(["$c.d", "a", "b"]);
			expect(await other.heartbeat("gateway", "c", 60_000)).toEqual(["c"]);
			await one.leave("scans", "b");
			await one.leave("scans", "$c.d");
			expect(await other.heartbeat("scans", "a", 60_000)).toEqual(["a"]);
		});

		test("a node that is silent is no longer seen when its time is over", async () => {
			await one.heartbeat("scans", "silent", 300);
			await until(async () => (await other.heartbeat("scans", "alive", 300)).join() === "alive", {
				what: "the silent node to be gone",
			});
			expect(await one.heartbeat("scans", "silent", 60_000)).toEqual(["alive", "silent"]);
		});

		test("a lease has one holder; its fence grows with each change of holder and only then", async () => {
			const first = await one.acquire("clock", "a", 60_000);
			expect(first).toEqual({ name: "clock", holder: "a", fence: 1 });
			expect(await other.acquire("clock", "b", 60_000)).toBeNull();
			expect(await one.acquire("clock", "a", 60_000)).toEqual(first);
			await one.release(first!);
			const second = await other.acquire("clock", "b", 60_000);
			expect(second).toEqual({ name: "clock", holder: "b", fence: 2 });
			await one.release(first!);
			expect(await one.acquire("clock", "a", 60_000)).toBeNull();
			expect(await one.acquire("another", "a", 60_000)).toMatchObject({ fence: 1 });
		});

		test("a lease that was not renewed goes to the next who asks", async () => {
			await one.acquire("clock", "a", 200);
			const taken = await until(() => other.acquire("clock", "b", 60_000), { what: "the lease to be free" });
			expect(taken).toEqual({ name: "clock", holder: "b", fence: 2 });
			expect(await one.acquire("clock", "a", 60_000)).toBeNull();
		});

		test("a report of a period is kept once, under the lease, and read back as it was", async () => {
			const lease = (await one.acquire("cron", "a", 60_000))!;
			const files = { html: new Uint8Array([1, 2, 3]), json: new Uint8Array([0, 255]) };
			const made = (id: string, from: string) => ({
				...{ id, report: "r1", organisation: "o|1", from, to: "2026-11-24T00:00:00.000Z", tz: "Europe/Berlin" },
				...{ asOf: "2026-11-24T00:00:01.000Z", complete: true, scans: 12, visitors: 3, files },
			});
			expect(await one.keepReport(made("2026-11-23", "2026-11-23T00:00:00.000Z"), lease)).toBe(true);
			const again = { ...made("2026-11-23", "2026-11-23T00:00:00.000Z"), scans: 99 };
			expect(await one.keepReport(again, lease)).toBe(false);
			expect(await one.keepReport(made("2026-11-22", "2026-11-22T00:00:00.000Z"), lease)).toBe(true);
			expect(await other.reportPeriods("o|1", "r1")).toEqual(["2026-11-22", "2026-11-23"]);
			const of = { organisation: "o|1", report: "r1" };
			const { rows, ...page } = await other.reportRuns(of, 1, 1);
			expect(page).toEqual({ total: 2, page: 1, pageSize: 1 });
			const { organisation: _o, files: _f, ...run } = made("2026-11-23", "2026-11-23T00:00:00.000Z");
			expect(rows).toEqual([{ ...run, formats: ["html", "json"], madeAt: expect.stringMatching(/Z$/) }]);
			expect((await other.reportRuns({ ...of, oldestFirst: true }, 1, 10)).rows.map(({ id }) => id)).toEqual([
				...["2026-11-22", "2026-11-23"],
			]);
			const file = await other.reportFile({ ...of, id: "2026-11-23", format: "json" });
			expect(file?.run).toEqual(rows[0]);
			expect([...(file?.content ?? [])]).toEqual([0, 255]);
			expect(await other.reportFile({ ...of, id: "2026-11-23", format: "csv" })).toBeNull();
			expect(await other.reportFile({ ...of, id: "2026-11-21", format: "json" })).toBeNull();
			expect(await other.reportFile({ ...of, organisation: "o", id: "2026-11-23", format: "json" })).toBeNull();
			await other.dropReports("o", "r1");
			expect(await one.reportPeriods("o|1", "r1")).toHaveLength(2);
			await other.dropReports("o|1", "r1");
			expect(await one.reportPeriods("o|1", "r1")).toEqual([]);
		});

		test("who has lost the lease keeps no report", async () => {
			const lost = (await one.acquire("cron", "a", 60_000))!;
			await one.release(lost);
			await other.acquire("cron", "b", 60_000);
			const made = {
				...{ id: "2026-11", report: "r1", organisation: "o", from: "2026-11-01T00:00:00.000Z", tz: "UTC" },
				...{ to: "2026-12-01T00:00:00.000Z", asOf: "2026-12-01T00:00:01.000Z", complete: false, scans: 0, visitors: 0 },
				files: {},
			};
			expect(codeOf(await one.keepReport(made, lost).catch((error: unknown) => error))).toBe("lease_lost");
			expect(await one.reportPeriods("o", "r1")).toEqual([]);
		});

		test("files of a report's older periods go, under the lease, and what was made is known as before", async () => {
			const lease = (await one.acquire("cron", "a", 60_000))!;
			const of = { organisation: "o", report: "r1" };
			for (const day of ["21", "24", "22", "23"]) {
				const from = `2026-11-${day}T00:00:00.000Z`;
				const made = { asOf: from, complete: true, scans: 1, visitors: 0, files: { csv: new Uint8Array([1]) } };
				await one.keepReport({ ...of, id: `2026-11-${day}`, from, to: from, tz: "UTC", ...made }, lease);
				await one.keepReport({ ...of, report: "r2", id: `2026-11-${day}`, from, to: from, tz: "UTC", ...made }, lease);
			}
			const beyond = (keep: number, report = "r1") => other.reportFilesBeyond("o", report, keep);
			expect(await beyond(4)).toEqual([]);
			expect(await beyond(1)).toEqual(["2026-11-23", "2026-11-22", "2026-11-21"]);
			const older = ["2026-11-22", "2026-11-21"];
			await one.dropReportFiles({ ...of, periods: older }, lease);
			expect(await beyond(2)).toEqual([]);
			expect(await beyond(2, "r2")).toEqual(older);
			expect(await other.reportFile({ ...of, id: "2026-11-22", format: "csv" })).toBeNull();
			expect(await other.reportFile({ ...of, id: "2026-11-23", format: "csv" })).not.toBeNull();
			expect(await other.reportPeriods("o", "r1")).toHaveLength(4);
			const { rows } = await other.reportRuns(of, 1, 10);
			expect(rows.map(({ formats }) => formats)).toEqual([["csv"], ["csv"], [], []]);
			expect(rows[2]).toMatchObject({ id: "2026-11-22", scans: 1, complete: true });
			await one.release(lease);
			await other.acquire("cron", "b", 60_000);
			const late = one.dropReportFiles({ ...of, periods: ["2026-11-23"] }, lease);
			expect(codeOf(await late.catch((error: unknown) => error))).toBe("lease_lost");
			expect(await beyond(1)).toEqual(["2026-11-23"]);
		});

		test("of many who ask for a lease at once one gets it", async () => {
			const holders = Array.from({ length: 10 }, (_, index) => `holder ${index}`);
			const leases = await Promise.all(
				holders.map((holder, index) => (index % 2 ? one : other).acquire("clock", holder, 60_000)),
			);
			expect(leases.filter((lease) => lease !== null)).toHaveLength(1);
		});

		test("a run is queued, found, changed and kept with all it says", async () => {
			const lease = await one.acquire("clock", "a", 60_000);
			const params = { from: "2026-01-01", $odd: { "a.b": 1 } };
			expect(await one.queueRun({ id: "r1", job: "audit", params })).toBe("r1");
			const queued = await other.nextRun();
			expect(queued).toMatchObject({ id: "r1", job: "audit", status: "queued", attempt: 0, params });
			expect(Math.abs(Date.parse(queued!.queuedAt) - Date.now())).toBeLessThan(60_000);

			const startedAt = "2026-11-23T01:00:00.000Z";
			const running = await one.changeRun("r1", { status: "running", startedAt, attempt: 1 }, lease!);
			expect(running).toEqual({ ...queued, status: "running", startedAt, attempt: 1 });
			expect(await other.nextRun()).toBeNull();
			expect(await other.runningRuns()).toEqual([running]);

			const finishedAt = "2026-11-23T01:00:05.000Z";
			const failed = await one.changeRun("r1", { status: "failed", finishedAt, error: "away" }, lease!);
			expect(failed).toEqual({ ...running, status: "failed", finishedAt, error: "away" });
			const again = await one.changeRun("r1", { status: "running", startedAt, attempt: 2 }, lease!);
			expect(again).toEqual({ ...running, attempt: 2 });
			const result = { days: 3, "__odd.$key": [1, null] };
			const done = await one.changeRun("r1", { status: "succeeded", finishedAt, result }, lease!);
			expect(done).toEqual({ ...again, status: "succeeded", finishedAt, result });
			expect((await other.runs("audit", 1, 10)).rows).toEqual([done]);
			expect(await other.runningRuns()).toEqual([]);
			expect(await codeOfRefusal(one.changeRun("none", { status: "failed" }, lease!))).toBe("not_found");
		});

		test("a key stands for one run, also when several queue it at once", async () => {
			const key = "run_daily_aggregation@2026-11-23";
			const ids = await Promise.all(
				Array.from({ length: 10 }, (_, index) =>
					(index % 2 ? one : other).queueRun({ id: `r${index}`, job: "audit", key }),
				),
			);
			expect(new Set(ids).size).toBe(1);
			expect((await one.runs("audit", 1, 10)).total).toBe(1);
			expect(await one.queueRun({ id: "later", job: "audit", key: `${key}b` })).toBe("later");
			expect(await one.queueRun({ id: "keyless", job: "audit" })).toBe("keyless");
			expect(await one.queueRun({ id: "keyless too", job: "audit" })).toBe("keyless too");
		});

		test("runs start in the order in which they were queued, and not before their time", async () => {
			const lease = await one.acquire("clock", "a", 60_000);
			const soon = new Date(Date.now() + 400).toISOString();
			await one.queueRun({ id: "1", job: "audit", notBefore: soon });
			await one.queueRun({ id: "2", job: "audit" });
			await one.queueRun({ id: "3", job: "cleanup_old_data" });
			expect((await one.nextRun())?.id).toBe("2");
			await one.changeRun("2", { status: "running" }, lease!);
			await until(async () => (await one.nextRun())?.id === "1", { what: "the run's time to come" });
			const never = new Date(Date.now() + 3_600_000).toISOString();
			await one.changeRun("1", { status: "queued", notBefore: never }, lease!);
			expect((await one.nextRun())?.id).toBe("3");
		});

		test("runs of a job are listed newest first, page by page", async () => {
			for (let index = 1; index <= 5; index++) await one.queueRun({ id: `r${index}`, job: "audit" });
			await one.queueRun({ id: "x", job: "cleanup_old_data" });
			const page = await other.runs("audit", 2, 2);
			expect(page).toMatchObject({ total: 5, page: 2, pageSize: 2 });
			expect(page.rows.map(({ id }) => id)).toEqual(["r3", "r2"]);
			expect((await other.runs("audit", 4, 2)).rows).toEqual([]);
		});

		test("whoever lost the lease changes nothing any more", async () => {
			const lost = await one.acquire("clock", "a", 1);
			const held = await until(() => other.acquire("clock", "b", 60_000), { what: "the lease to be free" });
			await one.queueRun({ id: "r", job: "audit" });
			expect(await codeOfRefusal(one.changeRun("r", { status: "failed" }, lost!))).toBe("lease_lost");
			expect((await one.nextRun())?.status).toBe("queued");
			await other.changeRun("r", { status: "running" }, held);
			await other.release(held);
			expect(await codeOfRefusal(other.changeRun("r", { status: "failed" }, held))).toBe("lease_lost");
			expect(await one.runningRuns()).toHaveLength(1);
		});

		test("a day's salt is random, and the same for everybody who asks, also at once", async () => {
			const days = [day(0), day(1)];
			const answers = await Promise.all(Array.from({ length: 8 }, (_, index) => (index % 2 ? one : other).salts(days)));
			for (const answer of answers) expect(answer).toEqual(answers[0]);
			const [today, tomorrow] = answers[0]!;
			expect([today?.day, tomorrow?.day]).toEqual(days);
			expect(today!.salt.length).toBeGreaterThanOrEqual(43);
			expect(today!.salt).not.toBe(tomorrow!.salt);
		});

		test("salts are destroyed 48 hours after their day", async () => {
			const salts = await one.salts([day(-4), day(-3), day(-2), day(-1), day(0)]);
			expect(salts.map((salt) => salt.day)).toEqual([day(-2), day(-1), day(0)]);
			await place.plantSalt(day(-3), "planted-salt-of-long-ago");
			expect(await place.holds("planted-salt-of-long-ago")).toBe(true);
			await other.salts([day(0)]);
			expect(await place.holds("planted-salt-of-long-ago")).toBe(false);
			expect(await one.salts([day(-2)])).toEqual([salts[0]]);
		});

		test("a token is taken once, and not when it has expired", async () => {
			await one.putToken("hash", Date.now() + 60_000);
			await one.putToken("expired", Date.now() - 1);
			expect(await other.takeToken("expired")).toBe(false);
			const taken = await Promise.all([one, other, one, other].map((records) => records.takeToken("hash")));
			expect(taken.filter(Boolean)).toHaveLength(1);
			expect(await one.takeToken("never put")).toBe(false);
		});

		test("a thing that happens once is claimed by one of all who try, for ever", async () => {
			const claims = await Promise.all([one, other, one, other].map((records) => records.claimOnce("first-start")));
			expect(claims.filter(Boolean)).toHaveLength(1);
			expect(await other.claimOnce("first-start")).toBe(false);
			expect(await other.claimOnce("something else")).toBe(true);
			await one.ping();
		});

		test("what was recorded is there when it is opened again", async () => {
			const lease = await one.acquire("clock", "a", 60_000);
			await one.queueRun({ id: "r", job: "audit" });
			const salts = await one.salts([day(0)]);
			await one.putToken("hash", Date.now() + 60_000);
			await Promise.all([one.close(), other.close()]);
			one = await place.open();
			expect(await one.acquire("clock", "a", 60_000)).toEqual(lease);
			expect((await one.nextRun())?.id).toBe("r");
			expect(await one.salts([day(0)])).toEqual(salts);
			expect(await one.takeToken("hash")).toBe(true);
		});
	});
}

function codeOfRefusal(promise: Promise<unknown>): Promise<unknown> {
	return promise.then(() => undefined, codeOf);
}
