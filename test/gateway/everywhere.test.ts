import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { until } from "../../scripts/servers/until.ts";
import { startTwoGateways, type TwoGateways } from "./two-gateways.ts";

const EVERYWHERE_WITHIN_MS = 1_000;
const MENDED_WITHIN_MS = 10_000;

describe("of two gateways", () => {
	let cluster: TwoGateways;
	beforeAll(async () => {
		cluster = await startTwoGateways();
	});

	const create = (fields: object = {}) =>
		cluster.gateways[0].api.post<Code>("/api/v1/codes", { url: "https://a.example/", ...fields });
	const edit = (code: Code, changes: object) =>
		cluster.gateways[0].api.patch<Code>(`/api/v1/codes/${code.id}`, changes);
	/** Resolves when both gateways send a phone there. */
	const everywhere = (slug: string, location: string, timeoutMs = EVERYWHERE_WITHIN_MS) =>
		until(
			async () => {
				const answers = await Promise.all(cluster.gateways.map((gateway) => gateway.scan(slug)));
				return answers.every((answer) => answer.status === 302 && answer.location === location);
			},
			{ what: `${slug} to lead to ${location} everywhere`, timeoutMs, everyMs: 20 },
		);

	test("both redirect a new code within a second, also when its slug was scanned before it was made", async () => {
		for (const gateway of cluster.gateways) expect((await gateway.scan("soon")).status).toBe(404);
		await create({ slug: "soon" });
		await everywhere("soon", "https://a.example/");
	});

	test("both follow an edit within a second, and an old print goes on under its old slug", async () => {
		const code = await create({ slug: "first-name" });
		await everywhere("first-name", "https://a.example/");
		await edit(code, { url: "https://b.example/" });
		await everywhere("first-name", "https://b.example/");
		await edit(code, { slug: "second-name", url: "https://c.example/" });
		await everywhere("first-name", "https://c.example/");
		await everywhere("second-name", "https://c.example/");
	});

	test("one that did not hear of an edit, a deletion or a new code is right within 10 s", async () => {
		const [, other] = cluster.gateways;
		const [edited, removed] = await Promise.all([create(), create()]);
		await everywhere(edited.slug, "https://a.example/");
		await everywhere(removed.slug, "https://a.example/");
		other.deaf = true;
		await edit(edited, { url: "https://b.example/" });
		await cluster.gateways[0].api.delete(`/api/v1/codes/${removed.id}`);
		expect((await other.scan(edited.slug)).location).toBe("https://a.example/");
		await everywhere(edited.slug, "https://b.example/", MENDED_WITHIN_MS);
		await until(async () => (await other.scan(removed.slug)).status === 404, { what: "the end", timeoutMs: 2_000 });
		other.deaf = false;
	});

	test("none passes guesses on to the store", async () => {
		const before = cluster.lookUps();
		const guess = async (round: number) => {
			for (let index = 0; index < 100; index++) {
				expect((await cluster.gateways[1].scan(`guess-${round}-${index}`)).status).toBe(404);
			}
		};
		await Promise.all([1, 2, 3, 4, 5, 6, 7, 8, 9, 10].map(guess));
		expect(cluster.lookUps() - before).toBeLessThan(500);
	});

	test("both go on when NATS was killed, and follow edits again within seconds of its return", async () => {
		const code = await create();
		await everywhere(code.slug, "https://a.example/");
		await cluster.nats.kill();
		await everywhere(code.slug, "https://a.example/");
		await cluster.nats.restart();
		await until(() => edit(code, { url: "https://b.example/" }), { what: "an edit", timeoutMs: 10_000 });
		await everywhere(code.slug, "https://b.example/", 2_000);
	});
});
