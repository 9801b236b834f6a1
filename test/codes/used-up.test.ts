/*
 * Codes with `maxScans`: gateways hear that one is used up as soon as its scans are counted, whatever was missed.
 */
import { beforeAll, expect, test } from "vitest";
import type { RoutableCode } from "../../contracts/code.ts";
import type { ScansCommitted } from "../../contracts/events.ts";
import codes from "../../services/codes/codes.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";
import { until } from "../harness/product.ts";

const organisation = "default";
/** What has been counted by code: those who count say so when they are asked. */
const counted = new Map<string, number>();
let countersAway = false;
let actor: RunningActor;
let position = 0;

beforeAll(async () => {
	const analytics = {
		name: "analytics",
		actions: {
			state({ params }: { params: { code: string } }) {
				if (countersAway) throw new Error("away");
				const total = { scans: counted.get(params.code) ?? 0, visitors: 0, bots: 0 };
				return { epoch: "e", positions: {}, state: { total, today: total, minute: { at: "", scans: 0 } } };
			},
		},
	};
	actor = await runActor(codes, { beside: [analytics] });
});

async function limitedCode(maxScans: number): Promise<string> {
	const code = { url: "https://example.org", maxScans };
	return (await actor.call("codes.create", { organisation, code, by: "test" })).id;
}

/** Counts scans of a code and announces the commit, unless it is to be lost; bots are counted apart. */
async function count(code: string, scans: number, announced = true): Promise<void> {
	const total = { scans: (counted.get(code) ?? 0) + scans, visitors: 0, bots: 1_000 };
	counted.set(code, total.scans);
	const from = position++;
	const delta = { organisation, code, scans, visitors: 0, bots: 0, total, quarters: {}, minutes: {}, by: {} };
	const commit: ScansCommitted = {
		...{ epoch: "e", partition: 0, from, to: position, at: Date.now(), part: 0, parts: 1 },
		...{ codes: [delta], feed: [], skipped: {} },
	};
	if (announced) await actor.tell("scans.committed", commit);
}

const beat = () =>
	actor.tell("scans.position", {
		...{ epoch: "e", partition: 0, position, logEnd: position, behindMs: 0, at: Date.now() },
	});
const told = (id: string): RoutableCode[] =>
	actor
		.told("codes.changed")
		.map(({ code }) => code)
		.filter((code) => code.id === id);
const newest = (id: string) => actor.call("codes.route", { organisation, reference: id });
const usedUp = (id: string) =>
	until(() => told(id).find((code) => code.usedUp), { what: "the code to be used up", timeoutMs: 1_000, everyMs: 5 });
const change = (id: string, maxScans: number | null) =>
	actor.call("codes.update", { organisation, id, changes: { maxScans }, by: "test" });

test("a code is used up once its scans without bots reach the limit, and not before", async () => {
	const id = await limitedCode(10);
	await count(id, 9);
	expect((await newest(id))?.usedUp).toBe(false);
	await count(id, 1);
	expect(await usedUp(id)).toMatchObject({ usedUp: true, maxScans: 10, version: 2 });
	await count(id, 5);
	expect(told(id)).toHaveLength(2);
});

test("a higher limit opens it again, a lower one closes it at once, none opens it for good", async () => {
	const id = await limitedCode(10);
	await count(id, 12);
	await usedUp(id);
	await change(id, 20);
	expect(await newest(id)).toMatchObject({ usedUp: false, maxScans: 20 });
	await change(id, 11);
	expect((await newest(id))?.usedUp).toBe(true);
	await change(id, null);
	expect((await newest(id))?.usedUp).toBe(false);
	await count(id, 1_000);
	await change(id, 1_000);
	expect((await newest(id))?.usedUp).toBe(true);
});

test("while those who count are away, the scans last heard of decide", async () => {
	const id = await limitedCode(10);
	await count(id, 12);
	await usedUp(id);
	countersAway = true;
	await change(id, 12);
	expect((await newest(id))?.usedUp).toBe(true);
	await change(id, 13);
	expect((await newest(id))?.usedUp).toBe(false);
	countersAway = false;
});

test("an announcement that was lost is noticed by the next beat", async () => {
	const id = await limitedCode(10);
	await beat();
	await count(id, 10, false);
	expect((await newest(id))?.usedUp).toBe(false);
	await beat();
	await usedUp(id);
});

test("what could not be asked is asked again", async () => {
	const id = await limitedCode(10);
	await beat();
	countersAway = true;
	await count(id, 10, false);
	await beat();
	countersAway = false;
	await until(() => beat().then(() => told(id).some((code) => code.usedUp)), { what: "the code to be used up" });
});

test("what was counted while nobody listened is found after a restart", async () => {
	const env = { DATA_DIR: actor.platform.config.dataDir };
	const first = await runActor(codes, { env: { DATA_DIR: `${env.DATA_DIR}/restart` } });
	const code = { url: "https://example.org", maxScans: 3 };
	const { id } = await first.call("codes.create", { organisation, code, by: "test" });
	await first.stop();
	counted.set(id, 3);

	const analytics = {
		name: "analytics",
		actions: { state: () => ({ state: { total: { scans: counted.get(id), visitors: 0, bots: 0 } } }) },
	};
	const second = await runActor(codes, { env: { DATA_DIR: `${env.DATA_DIR}/restart` }, beside: [analytics] });
	await second.tell("scans.position", {
		...{ epoch: "e", partition: 0, position: 9, logEnd: 9, behindMs: 0, at: Date.now() },
	});
	await until(() => second.told("codes.changed").some((event) => event.code.usedUp), {
		what: "the code to be used up",
	});
	await second.stop();
});
