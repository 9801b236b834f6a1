/** Who is signed in, to which organisation, and what the product says of itself. */
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { Me, Organisation } from "../../../contracts/account.ts";
import { type ClientInfo, fetchClientInfo, fetchMe, signIn, signOut } from "../api/account.ts";
import { Problem } from "../api/client.ts";

export type SessionStatus = "unknown" | "signed-in" | "signed-out" | "unreachable";

/** How soon a server that could not be reached is asked again, ms. */
const ASK_AGAIN_MS = 3_000;

export const useSession = defineStore("session", () => {
	const status = shallowRef<SessionStatus>("unknown");
	const me = shallowRef<Me>();
	const client = shallowRef<ClientInfo>({ version: "", realtimeUrl: "", publicUrl: location.origin });

	let again: ReturnType<typeof setTimeout> | undefined;

	/** Finds out who is signed in. Never throws: what it found is `status`. */
	async function load(): Promise<void> {
		try {
			const [info, who] = await Promise.all([fetchClientInfo().catch(() => client.value), fetchMe()]);
			client.value = info;
			me.value = who;
			status.value = "signed-in";
		} catch (error) {
			const signedOut = error instanceof Problem && error.status === 401;
			// Somebody who is signed in and only offline keeps what is on the screen.
			if (signedOut) ended();
			else if (status.value !== "signed-in") status.value = "unreachable";
		}
		clearTimeout(again);
		if (status.value === "unreachable") {
			again = setTimeout(() => void load(), ASK_AGAIN_MS);
		}
	}

	/** @throws Problem when the server refuses. */
	async function enter(email: string, password: string): Promise<void> {
		await signIn(email, password);
		await load();
	}

	/** @throws Problem when the server could not end the session. */
	async function leave(): Promise<void> {
		await signOut();
		ended();
	}

	/** The server said that the session is over. */
	function ended(): void {
		me.value = undefined;
		status.value = "signed-out";
	}

	function meChanged(next: Me): void {
		me.value = next;
	}

	function organisationChanged(organisation: Organisation): void {
		if (me.value) me.value = { ...me.value, organisation };
	}

	return {
		status,
		me,
		client,
		organisation: computed(() => me.value?.organisation),
		timeZone: computed(() => me.value?.organisation.timeZone ?? "UTC"),
		load,
		enter,
		leave,
		ended,
		meChanged,
		organisationChanged,
	};
});
