import { describe, expect, test } from "vitest";
import { Generations } from "../../services/gateway/generations.ts";

describe("what was used lately", () => {
	test("is remembered for at least the last used half of the room", () => {
		const remembered = new Generations<{ n: number }>(10);
		for (let n = 0; n < 100; n++) remembered.set(`key ${n}`, { n });
		for (let n = 95; n < 100; n++) expect(remembered.get(`key ${n}`)).toEqual({ n });
		expect(remembered.get("key 80")).toBeUndefined();
	});

	test("is kept as long as it is used, whatever else comes", () => {
		const remembered = new Generations<{ n: number }>(10);
		remembered.set("always", { n: -1 });
		for (let n = 0; n < 100; n++) {
			remembered.set(`key ${n}`, { n });
			expect(remembered.get("always")).toEqual({ n: -1 });
		}
	});

	test("is what it was set to last", () => {
		const remembered = new Generations<{ n: number }>(4);
		for (let n = 0; n < 20; n++) {
			remembered.set("one", { n });
			remembered.set(`key ${n}`, { n });
			expect(remembered.get("one")).toEqual({ n });
		}
	});
});
