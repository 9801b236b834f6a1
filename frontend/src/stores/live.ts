/**
 * The live connections of the page and the true state of everything it shows. Checks them when the network changes or the
 * page wakes up, because a timer in a page that slept has slept too.
 */
import { defineStore } from "pinia";
import { computed, markRaw, shallowRef, watch } from "vue";
import { LiveConnections, type Overview } from "../live/connections.ts";
import { useSession } from "./session.ts";

export const useLive = defineStore("live", () => {
	const session = useSession();
	const overview = shallowRef<Overview>({ state: "connecting", verifiedAt: undefined, behindMs: 0 });
	const connections = markRaw(new LiveConnections({ url: () => session.client.realtimeUrl }));
	connections.observe((next) => {
		const refused = next.state === "unauthorized" && overview.value.state !== "unauthorized";
		overview.value = next;
		// Asking who is signed in leads to the sign-in page when nobody is any more.
		if (refused) void session.load();
	});
	// The next to sign in may be somebody else: nothing of this session's connections may serve them.
	watch(
		() => session.status,
		(status) => {
			if (status === "signed-out") connections.close();
		},
		{ flush: "post" },
	);

	/** Listens to the browser for as long as the application runs. */
	function watchBrowser(): void {
		window.addEventListener("online", () => connections.verify());
		window.addEventListener("offline", () => connections.verify());
		document.addEventListener("visibilitychange", () => {
			if (document.visibilityState === "visible") connections.verify();
		});
	}

	return { connections, state: computed(() => overview.value.state), overview, watchBrowser };
});
