import { describe, expect, test } from "vitest";
import { CodedError } from "../../contracts/errors.ts";
import type { IngestPart } from "../../platform/store/scan-store.ts";
import { findRefused } from "../../services/scans/refused.ts";
import { Producer, part, scan } from "../store/scans.ts";

/** A store that cannot store some ids, and counts how often it is asked. */
function picky(cannot: ReadonlySet<string>) {
	const seen = { trials: 0 };
	const rehearse = async (trial: IngestPart) => {
		seen.trials++;
		for (const message of trial.messages) {
			if (message.kind !== "scans") continue;
			const bad = message.message.scans.find(({ id }) => cannot.has(id) && !Object.hasOwn(trial.refused ?? {}, id));
			if (bad) throw new Error(`cannot store ${bad.id}`);
		}
	};
	return { rehearse, seen };
}

describe("a message that cannot be stored", () => {
	test("loses only the scans that are to blame, found by halving", async () => {
		const scans = Array.from({ length: 500 }, (_, index) => scan({ id: `s${index}` }));
		const { rehearse, seen } = picky(new Set(["s17", "s444"]));
		const refused = await findRefused(part([new Producer("p").message(scans)]), rehearse);
		expect(refused).toEqual({ s17: "cannot store s17", s444: "cannot store s444" });
		expect(seen.trials).toBeLessThan(50);
	});

	test("is not judged while the store is away", async () => {
		const rehearse = async () => {
			throw new CodedError("unavailable", "away");
		};
		await expect(findRefused(part([new Producer("p").message([scan()])]), rehearse)).rejects.toThrow("away");
	});
});
