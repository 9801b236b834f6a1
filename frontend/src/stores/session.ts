/** Who is signed in, to which organisation, and what the product says of itself. */
import { defineStore } from "pinia";
import { computed, shallowRef } from "vue";
import type { Me, Organisation } from "../../../contracts/account.ts";
import { type ClientInfo, fetchClientInfo, fetchMe, signIn, signOut } from "../api/account.ts";
import { Problem } from "../api/client.ts";

export type SessionStatus = "unknown" | "signed-in" | "signed-out" | "unreachable";

export const useSession = defineStore("session", () => {
	const status = shallowRef<SessionStatus>("unknown");
	const me = shallowRef<Me>();
	const client = shallowRef<ClientInfo>({ version: "", realtimeUrl: "", publicUrl: location.origin });

	/** Finds out who is signed in. Never throws: what it found is `status`. */
	async function load(): Promise<void> {
		try {
			const [info, who] = await Promise.all([fetchClientInfo().catch(() => client.value), fetchMe()]);
			client.value = info;
			me.value = who;
			status.value = "signed-in";
		} catch (error) {
			const signedOut = error instanceof Problem && (error.status === 401 || error.status === 403);
			status.value = signedOut ? "signed-out" : "unreachable";
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
