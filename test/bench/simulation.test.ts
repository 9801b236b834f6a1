/** The simulation that sizes of the product are taken from: against what queueing theory says, and against itself. */

import { expect, test } from "vitest";
import { Clock } from "../../bench/scale/simulation/clock.ts";
import { type Deployment, type Run, simulate } from "../../bench/scale/simulation/product.ts";
import { exponential, seeded } from "../../bench/scale/simulation/random.ts";
import { Station } from "../../bench/scale/simulation/station.ts";
import type { ServiceTimes } from "../../bench/scale/simulation/times.ts";

const SERVICE_US = 100;

/** Mean wait and share of time busy of one queue under arrivals at random. */
function queue(load: number, service: (random: () => number) => number, servers = 1) {
	const clock = new Clock();
	const random = seeded(7);
	const station = new Station(clock, { servers });
	let done = 0;
	const arrive = () => {
		station.work(service(random), () => {
			done++;
		});
		clock.after(exponential(SERVICE_US / (servers * load), random), arrive);
	};
	arrive();
	clock.runUntil(2e6);
	station.forget();
	done = 0;
	clock.runUntil(62e6);
	return { waitUs: station.meanWaitUs, busy: station.busy, perSecond: done / 60 };
}

test.each([0.3, 0.6, 0.8])("at a load of %f, services at random wait as an M/M/1 queue does", (load) => {
	const { waitUs, busy } = queue(load, (random) => exponential(SERVICE_US, random));
	const expected = (SERVICE_US * load) / (1 - load);
	expect(busy).toBeCloseTo(load, 1);
	expect(waitUs / expected).toBeGreaterThan(0.93);
	expect(waitUs / expected).toBeLessThan(1.07);
});

test.each([0.3, 0.6, 0.8])("at a load of %f, equal services wait as an M/D/1 queue does", (load) => {
	const { waitUs } = queue(load, () => SERVICE_US);
	const expected = (SERVICE_US * load) / (2 * (1 - load));
	expect(waitUs / expected).toBeGreaterThan(0.93);
	expect(waitUs / expected).toBeLessThan(1.07);
});

test("two servers wait as an M/M/2 queue does", () => {
	const load = 0.7;
	const { waitUs } = queue(load, (random) => exponential(SERVICE_US, random), 2);
	// Erlang's C for two servers.
	const expected = (SERVICE_US * load ** 2) / (1 - load ** 2);
	expect(waitUs / expected).toBeGreaterThan(0.93);
	expect(waitUs / expected).toBeLessThan(1.07);
});

test("a server that is asked for more than it can does what it can", () => {
	const { perSecond, busy } = queue(1.5, () => SERVICE_US);
	expect(perSecond).toBeCloseTo(1e6 / SERVICE_US, -1);
	expect(busy).toBeCloseTo(1, 3);
});

test("a process that is held to a part of a core does that part, and its waits for others cost it nothing while it is out of its part", () => {
	const clock = new Clock();
	const held = new Station(clock, { part: 0.1 });
	let done = 0;
	// Each time it has worked 100 µs it waits 80 µs for somebody else.
	const turn = () =>
		held.work(SERVICE_US, () => {
			done++;
			clock.after(80, turn);
		});
	turn();
	clock.runUntil(10e6);
	expect(done / 10 / (0.1 * (1e6 / SERVICE_US))).toBeCloseTo(1, 1);
});

const TIMES: ServiceTimes = {
	...{ gatewayUs: 80, logMessageUs: 14, logScanUs: 1, logDelayUs: 200, readMessageUs: 10, readScanUs: 5 },
	...{
		commitUs: 4_000,
		commitScanUs: 25,
		commitDelayUs: 0,
		mongoCommitUs: 4_000,
		mongoScanUs: 60,
		hearCommitUs: 200,
		hearScanUs: 3,
		deliveryUs: 18,
	},
};
const ONE: Deployment = {
	...{ gateways: 1, scans: 1, realtimes: 1, partitions: 4, mongoCores: 4, connections: 100, updatesPerSecond: 1 },
};
const run = (more: Partial<Run> = {}, deployment: Partial<Deployment> = {}) =>
	simulate({
		...{ deployment: { ...ONE, ...deployment }, demand: { kind: "closed", clients: 32 }, times: TIMES, seed: 1 },
		...more,
	});

test("the same seed comes to the same, another to something else", () => {
	const open = { demand: { kind: "open", perSecond: 5_000 } } as const;
	expect(run({ ...open, seed: 3 })).toEqual(run({ ...open, seed: 3 }));
	expect(run({ ...open, seed: 3 })).not.toEqual(run({ ...open, seed: 4 }));
});

test("what comes and can be counted is counted, whole and soon", () => {
	const { accepted, counted, busy, countedMs } = run({ demand: { kind: "open", perSecond: 3_000 }, forS: 10 });
	expect(accepted / 3_000).toBeCloseTo(1, 1);
	expect(counted / accepted).toBeCloseTo(1, 1);
	expect(busy.gateway).toBeCloseTo(3_000 * 80e-6, 1);
	expect(countedMs.p99).toBeLessThan(200);
});

test("a gateway that is asked without end accepts what its event loop can, a second one as much again", () => {
	const one = run();
	const two = run({}, { gateways: 2 });
	expect(one.accepted).toBeCloseTo(1e6 / 80, -2);
	expect(two.accepted / one.accepted).toBeCloseTo(2, 1);
});

test("a backlog is counted by two processes twice as fast while MongoDB has cores for both, and no faster when not", () => {
	const backlog = { demand: { kind: "backlog", scans: 400_000, perMessage: 62 } } as const;
	const [one, two] = [run(backlog), run(backlog, { scans: 2 })];
	expect(two.counted / one.counted).toBeGreaterThan(1.9);
	const narrow = run(backlog, { scans: 4, mongoCores: 1 });
	expect(narrow.busy.mongo).toBeCloseTo(1, 1);
	expect(narrow.counted).toBeLessThan(1e6 / TIMES.mongoScanUs);
});

test("more scans processes than partitions count no faster", () => {
	const backlog = { demand: { kind: "backlog", scans: 600_000, perMessage: 62 } } as const;
	const [four, eight] = [run(backlog, { scans: 4, mongoCores: 8 }), run(backlog, { scans: 8, mongoCores: 8 })];
	expect(eight.counted / four.counted).toBeCloseTo(1, 1);
});

test("every realtime node hears of every scan, so nodes add connections and not hearing", () => {
	const open = { demand: { kind: "open", perSecond: 8_000 } } as const;
	const [one, four] = [run(open), run(open, { realtimes: 4 })];
	expect(four.delivered / one.delivered).toBeCloseTo(4, 0);
	expect(four.busy.realtime / one.busy.realtime).toBeCloseTo(1, 1);
});
