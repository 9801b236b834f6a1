import { expect, test } from "vitest";
import { SingleFlight } from "../../platform/single-flight.ts";

test("who asks while a question is under way gets its answer, or its error, and who asks then asks anew", async () => {
	const flights = new SingleFlight<string>();
	const asked: PromiseWithResolvers<string>[] = [];
	const ask = () => {
		asked.push(Promise.withResolvers());
		return asked.at(-1)!.promise;
	};

	const together = [flights.join("a", ask), flights.join("a", ask)];
	const other = flights.join("b", ask);
	expect(asked).toHaveLength(2);
	asked[0]!.resolve("one");
	asked[1]!.resolve("two");
	expect(await Promise.all([...together, other])).toEqual(["one", "one", "two"]);
	expect(flights.has("a")).toBe(false);

	const failing = [flights.join("a", ask), flights.join("a", ask)];
	expect(asked).toHaveLength(3);
	asked[2]!.reject(new Error("away"));
	for (const one of failing) await expect(one).rejects.toThrow("away");

	const anew = flights.join("a", ask);
	asked[3]!.resolve("three");
	expect(await anew).toBe("three");
});
