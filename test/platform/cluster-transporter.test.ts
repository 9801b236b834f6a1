import { ServiceBroker } from "moleculer";
import { expect, test } from "vitest";
import { brokerOptions } from "../../moleculer.config.ts";
import { readConfig } from "../../platform/config.ts";
import { until } from "../../scripts/servers/until.ts";
import { atEndOfFile } from "../harness/cleanup.ts";
import { realServer } from "../harness/servers.ts";

/** Two processes' brokers: one answers, the other asks. */
function cluster(natsUrl: string) {
	const broker = (nodeId: string) => {
		const made = new ServiceBroker(
			brokerOptions(readConfig({ NATS_URL: natsUrl, NODE_ID: nodeId, LOG_LEVEL: "fatal" })),
		);
		atEndOfFile(() => made.stop());
		return made;
	};
	const [answering, asking] = [broker("answering"), broker("asking")];
	const heard: unknown[] = [];
	answering.createService({
		name: "echo",
		actions: { say: ({ params }: { params: unknown }) => params },
		events: { "echo.told": ({ params }: { params: unknown }) => void heard.push(params) },
	});
	const answered = async () =>
		(await asking.call<{ n: number }, { n: number }>("echo.say", { n: 1 }, { timeout: 200 }).catch(() => undefined))
			?.n === 1;
	return { answering, asking, heard, answered };
}

const JOINED_WITHIN_MS = 2_000;

test("processes start without NATS, and are one cluster soon after it is there", async () => {
	const nats = await realServer("nats");
	await nats.kill();
	const { answering, asking, heard, answered } = cluster(nats.url);
	const begun = performance.now();
	await Promise.all([answering.start(), asking.start()]);
	expect(performance.now() - begun).toBeLessThan(3_000);
	expect(await answered()).toBe(false);
	await asking.broadcast("echo.told", "nobody hears this");
	await nats.restart();
	await until(answered, { what: "an answer", timeoutMs: JOINED_WITHIN_MS, everyMs: 20 });
	await asking.broadcast("echo.told", "this is heard");
	await until(() => heard.length > 0, { what: "what was told", timeoutMs: 1_000 });
	expect(heard).toEqual(["this is heard"]);
});

test("after NATS was away for longer than a node is believed to live, actors answer again within 2 s", async () => {
	const nats = await realServer("nats");
	const { answering, asking, heard, answered } = cluster(nats.url);
	await Promise.all([answering.start(), asking.start()]);
	await until(answered, { what: "an answer", timeoutMs: JOINED_WITHIN_MS });
	await nats.kill();
	await until(() => !asking.registry.nodes.get("answering")?.available, {
		what: "the other to be taken for dead",
		timeoutMs: 10_000,
	});
	await asking.broadcast("echo.told", "nobody hears this");
	await nats.restart();
	await until(answered, { what: "an answer", timeoutMs: JOINED_WITHIN_MS, everyMs: 20 });
	await asking.broadcast("echo.told", "this is heard");
	await until(() => heard.length > 0, { what: "what was told", timeoutMs: 1_000 });
	expect(heard).toEqual(["this is heard"]);
});

test("a process stops at once while NATS hangs", async () => {
	const nats = await realServer("nats");
	const { asking } = cluster(nats.url);
	await asking.start();
	await nats.kill("SIGSTOP");
	const begun = performance.now();
	await asking.stop();
	expect(performance.now() - begun).toBeLessThan(3_000);
});
