/**
 * A live channel as Vue sees it. Logic and connection are elsewhere: this keeps refs up to date and gives the channel back
 * when the component goes.
 *
 * @example
 * const { data, isConnected, error } = useRealTimeAnalytics(() => `code:${props.id}`);
 */
import {
	type ComputedRef,
	computed,
	type InjectionKey,
	inject,
	type MaybeRefOrGetter,
	onScopeDispose,
	type ShallowRef,
	shallowRef,
	toValue,
	watch,
} from "vue";
import { useNow } from "../composables/use-now.ts";
import type { Channel, LiveConnections, ViewOf } from "./connections.ts";
import type { ConnectionState } from "./freshness.ts";
import type { ChannelView, LiveError } from "./live-channel.ts";

/** The connections of the application; given by whoever starts it. */
export const LIVE_CONNECTIONS: InjectionKey<LiveConnections> = Symbol("live connections");

export interface RealTimeAnalytics<View> {
	/** As last known; kept while the connection is away. */
	readonly data: ComputedRef<View | undefined>;
	readonly isConnected: ComputedRef<boolean>;
	readonly error: ComputedRef<LiveError | undefined>;
	readonly state: ComputedRef<ConnectionState>;
	/** How long ago the data was last proven to be all that was counted, ms; undefined before there is any. */
	readonly age: ComputedRef<number | undefined>;
	/** When the data last changed, epoch ms on the server's clock. */
	readonly lastUpdateAt: ComputedRef<number | undefined>;
	/** The server's clock, epoch ms, moved each second. */
	readonly now: Readonly<ShallowRef<number>>;
}

const CONNECTED: readonly ConnectionState[] = ["live", "delayed", "catching-up"];

/** Follows a channel, or whichever one a ref or getter names, for as long as the scope lives. */
export function useRealTimeAnalytics<C extends Channel>(channel: MaybeRefOrGetter<C>): RealTimeAnalytics<ViewOf<C>> {
	const connections = inject(LIVE_CONNECTIONS);
	if (!connections) throw new Error("useRealTimeAnalytics needs an application that provides LIVE_CONNECTIONS");
	const view = shallowRef<ChannelView<ViewOf<C>>>();
	const now = useNow(() => connections.serverNow());
	let stop: (() => void) | undefined;

	watch(
		() => toValue(channel),
		(name) => {
			stop?.();
			view.value = undefined;
			stop = connections.subscribe(name, (next) => {
				view.value = next;
			});
		},
		{ immediate: true, flush: "sync" },
	);
	onScopeDispose(() => stop?.());

	const state = computed<ConnectionState>(() => view.value?.state ?? "connecting");
	return {
		data: computed(() => view.value?.data),
		isConnected: computed(() => CONNECTED.includes(state.value)),
		error: computed(() => view.value?.error),
		state,
		age: computed(() => {
			const verifiedAt = view.value?.verifiedAt;
			return verifiedAt === undefined ? undefined : Math.max(0, now.value - verifiedAt);
		}),
		lastUpdateAt: computed(() => view.value?.lastUpdateAt),
		now,
	};
}
