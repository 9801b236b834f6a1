import { Agent, get, type IncomingMessage, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpHost, type HttpHost } from "../../platform/http.ts";
import { until } from "../../scripts/servers/until.ts";

const hosts: HttpHost[] = [];
const make = (settings: Partial<Parameters<typeof createHttpHost>[0]> = {}) => {
	const host = createHttpHost({
		...{ port: 0, host: "127.0.0.1", publicUrl: undefined, realtimePort: undefined, sharedPorts: false },
		...settings,
	});
	hosts.push(host);
	return host;
};
const hello = (text: string) => (_: IncomingMessage, response: ServerResponse) => {
	response.end(text);
	return true;
};

afterEach(async () => {
	for (const host of hosts.splice(0)) await host.drain(0);
});

describe("the servers of a process", () => {
	test("ask handlers in order, on a free port that the public address names", async () => {
		const host = make();
		host.handle((request) => request.url === "/nobody" && false);
		host.handle((request, response) => request.url === "/a" && hello("first")(request, response));
		host.handle(hello("second"));
		const url = await host.listen();
		expect(await (await fetch(`${url}/a`)).text()).toBe("first");
		expect(await (await fetch(`${url}/b`)).text()).toBe("second");
		expect(host.publicUrl()).toBe(`http://localhost:${new URL(url).port}`);
	});

	test("are one for Socket.IO and everything else, or two when it has a port of its own", async () => {
		const one = make();
		one.handle(hello(""));
		const shared = one.realtimeServer();
		await one.listen();
		expect(shared.listening).toBe(true);
		const realtimePort = await freePort();
		const two = make({ port: 0, realtimePort });
		expect(two.realtimeServer()).toBe(two.realtimeServer());
		two.handle(hello(""));
		const url = await two.listen();
		expect(new URL(url).port).not.toBe(String(realtimePort));
		expect(two.realtimeServer().address()).toMatchObject({ port: realtimePort });
	});

	test("open nothing that nobody serves", async () => {
		const host = make();
		expect(await host.listen()).toBe("");
	});

	test("say which variable is at fault when a port is taken", async () => {
		const first = make();
		first.handle(hello(""));
		const port = Number(new URL(await first.listen()).port);
		const second = make({ port });
		second.handle(hello(""));
		await expect(second.listen()).rejects.toThrow(`PORT is ${port} (HOST is 127.0.0.1): expected a free port`);
	});

	test.runIf(process.platform === "linux")("share a port with equal processes", async () => {
		const first = make({ sharedPorts: true });
		first.handle(hello("1"));
		const port = Number(new URL(await first.listen()).port);
		const second = make({ port, sharedPorts: true });
		second.handle(hello("2"));
		await second.listen();
		const answers = await Promise.all(
			Array.from({ length: 40 }, async () =>
				(await fetch(`http://127.0.0.1:${port}/`, { headers: { connection: "close" } })).text(),
			),
		);
		expect(new Set(answers)).toEqual(new Set(["1", "2"]));
	});

	test("let open requests end when they stop, take no new ones and close what is idle", async () => {
		const host = make();
		const gate = Promise.withResolvers<void>();
		let slowArrived = false;
		host.handle((request, response) => {
			if (request.url === "/slow") {
				slowArrived = true;
				void gate.promise.then(() => response.end("done"));
			} else response.end("quick");
			return true;
		});
		const url = await host.listen();
		const agent = new Agent({ keepAlive: true });
		await new Promise((resolve) => get(url, { agent }, (response) => response.resume().once("end", resolve)));
		const slow = fetch(`${url}/slow`);
		await until(() => slowArrived, { what: "the slow request", timeoutMs: 2_000 });
		const drained = host.drain(5_000);
		expect(host.draining()).toBe(true);
		await expect(fetch(url)).rejects.toThrow();
		gate.resolve();
		expect(await (await slow).text()).toBe("done");
		await drained;
		agent.destroy();
	});

	test("refuse what is not HTTP", async () => {
		const host = make();
		host.handle(hello(""));
		const { port } = new URL(await host.listen());
		const socket = connect(Number(port), "127.0.0.1");
		socket.write("NONSENSE\r\n\r\n");
		const answer = await new Promise<string>((resolve) => socket.once("data", (data) => resolve(String(data))));
		expect(answer).toMatch(/^HTTP\/1\.1 400 /);
	});
});

async function freePort(): Promise<number> {
	const host = make();
	host.handle(hello(""));
	const { port } = new URL(await host.listen());
	await host.drain(0);
	return Number(port);
}
