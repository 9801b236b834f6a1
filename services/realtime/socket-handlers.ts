/** The events that clients send, in the form moleculer-io registers them: an acknowledgement is the last argument, if any. */

import { NAMESPACES } from "../../contracts/live.ts";
import type { ConnectionManager } from "./connection-manager.ts";
import { failure } from "./requests.ts";
import type { IoSocket } from "./sockets.ts";

type Handler = (this: IoSocket, ...args: unknown[]) => void;
type Reply = (reply: unknown) => void;

const EVENTS = ["subscribe", "unsubscribe", "presence"];

/** The namespaces for moleculer-io's settings; `connections` is asked for with each event. */
export function namespaces(connections: () => ConnectionManager): Record<string, object> {
	const events: Record<string, Handler> = {
		subscribe(...args) {
			const { payload, reply } = split(args);
			connections()
				.subscribe(this.id, payload, reply)
				.catch(() => reply(failure("overloaded")));
		},
		unsubscribe(...args) {
			const { payload, reply } = split(args);
			connections()
				.unsubscribe(this.id, payload, reply)
				.catch(() => reply(failure("overloaded")));
		},
		presence(...args) {
			const { payload, reply } = split(args);
			connections().presence(this.id, payload, reply);
		},
	};
	return Object.fromEntries(NAMESPACES.map((namespace) => [namespace, { authorization: true, events }]));
}

/** Counts every event of a socket, known or not, and answers those that are none of ours. */
export function guard(socket: IoSocket, connections: ConnectionManager): void {
	socket.use(([event, ...args], next) => {
		const { reply } = split(args);
		if (!connections.count(socket.id)) return reply(failure("rate_limited"));
		if (EVENTS.includes(event)) return next();
		reply(failure("invalid"));
	});
}

function split(args: readonly unknown[]): { payload: unknown; reply: Reply } {
	const last = args.at(-1);
	const reply = typeof last === "function" ? (last as Reply) : () => undefined;
	return { payload: typeof args[0] === "function" ? undefined : args[0], reply };
}
