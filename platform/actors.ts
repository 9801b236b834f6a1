/**
 * The typed way for actors to speak: names, parameters and results come from contracts/, so what does not fit does not
 * compile. Nothing here adds behaviour to Moleculer's own calls and events.
 */

import type { ActionSchema, CallingOptions, Context, EventSchema, Service } from "moleculer";
import type { ActionName, Actor, Params, Result } from "../contracts/actions.ts";
import type { EventName, Events } from "../contracts/events.ts";

/** A broker or a context: both call and broadcast. */
export interface Caller {
	call(action: string, params: unknown, options?: CallingOptions): Promise<unknown>;
	broadcast(event: string, payload: unknown): unknown;
}

/**
 * Asks an actor.
 *
 * @throws the action's coded error (see contracts/errors.ts), or Moleculer's own when nobody answers in time.
 * @example const code = await call(ctx, "codes.resolve", { slug });
 */
export function call<A extends ActionName>(
	caller: object,
	action: A,
	params: Params<A>,
	options?: CallingOptions,
): Promise<Result<A>> {
	return (caller as Caller).call(action, params, options) as Promise<Result<A>>;
}

/** Tells every node; who hears it is not known and it may be lost. */
export function broadcast<E extends EventName>(caller: object, event: E, payload: Events[E]): void {
	(caller as Caller).broadcast(event, payload);
}

/** The actions an actor must have: exactly those that contracts/actions.ts names, with their parameters and results. */
export type ActionsOf<A extends Actor, This = Service> = {
	[K in ActionName as K extends `${A}.${infer Name}` ? Name : never]: Omit<ActionSchema<This>, "handler"> & {
		handler(this: This, ctx: Context<Params<K>>): Promise<Result<K>> | Result<K>;
	};
};

/** Handlers of events that contracts/events.ts names. */
export type EventsOf<This = Service> = {
	[E in EventName]?: Omit<EventSchema, "handler"> & {
		handler(this: This, ctx: Context<Events[E]>): void | Promise<void>;
	};
};
