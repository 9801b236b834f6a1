/*
 * One actor in a broker of its own, in this process: real files or a real MongoDB, no network. What the actor would ask
 * others is left unanswered unless a test adds them.
 */
import { type Context, ServiceBroker, type ServiceSchema } from "moleculer";
import type { ActionName, Params, Result } from "../../contracts/actions.ts";
import type { EventName, Events } from "../../contracts/events.ts";
import { brokerOptions } from "../../moleculer.config.ts";
import { call } from "../../platform/actors.ts";
import { readConfig } from "../../platform/config.ts";
import { createPlatform, type Platform } from "../../platform/platform.ts";
import { atEndOfFile } from "./cleanup.ts";
import { temporaryFolder } from "./folder.ts";

export interface ActorOptions {
	/** Variables of the product. @defaultValue a data folder of its own and a quiet log */
	readonly env?: Readonly<Record<string, string | undefined>>;
	/** Other services beside the actor. */
	readonly beside?: readonly ServiceSchema[];
}

export interface RunningActor {
	readonly broker: ServiceBroker;
	readonly platform: Platform;
	call<A extends ActionName>(action: A, params: Params<A>): Promise<Result<A>>;
	/** What was broadcast so far under a name, oldest first. */
	told<E extends EventName>(event: E): Events[E][];
	/** Tells the actor something, as another would. */
	tell<E extends EventName>(event: E, payload: Events[E]): Promise<void>;
	stop(): Promise<void>;
}

export async function runActor(
	actor: (platform: Platform) => ServiceSchema,
	{ env = {}, beside = [] }: ActorOptions = {},
): Promise<RunningActor> {
	const config = readConfig({ DATA_DIR: await temporaryFolder(), LOG_LEVEL: "fatal", ...env });
	const platform = createPlatform(config);
	const broker = new ServiceBroker(brokerOptions(config));
	const heard: { event: string | null; payload: unknown }[] = [];
	broker.createService({
		name: "witness",
		events: {
			"**": { handler: ({ eventName, params }: Context) => void heard.push({ event: eventName, payload: params }) },
		},
	});
	for (const schema of beside) broker.createService(schema);
	broker.createService(actor(platform));
	await broker.start();
	let running = true;
	const stop = async () => {
		if (!running) return;
		running = false;
		await broker.stop();
		await platform.close();
	};
	atEndOfFile(stop);
	return {
		broker,
		platform,
		call: (action, params) => call(broker, action, params),
		told: <E extends EventName>(event: E) =>
			heard.filter((one) => one.event === event).map(({ payload }) => payload as Events[E]),
		tell: async (event, payload) => void (await broker.broadcast(event, payload)),
		stop,
	};
}
