/** Session, organisation, keys, and what the product says of itself, over HTTP. */
import type { ApiKey, Me, NewApiKey, Organisation, Scope } from "../../../contracts/account.ts";
import type { Page } from "../../../contracts/code.ts";
import { request } from "./client.ts";

export interface ClientInfo {
	readonly version: string;
	/** Origin of the realtime server; `""` is the page's own. */
	readonly realtimeUrl: string;
	readonly publicUrl: string;
}

export function fetchClientInfo(): Promise<ClientInfo> {
	return request("GET", "/client");
}

export function fetchMe(): Promise<Me> {
	return request("GET", "/me");
}

export function changeMe(changes: { email?: string; password?: string }): Promise<Me> {
	return request("PATCH", "/me", { body: changes });
}

export function signIn(email: string, password: string): Promise<unknown> {
	return request("POST", "/session", { body: { email, password } });
}

export function signOut(): Promise<void> {
	return request("DELETE", "/session");
}

export function changeOrganisation(changes: Partial<Pick<Organisation, "name" | "timeZone">>): Promise<Organisation> {
	return request("PATCH", "/organisation", { body: changes });
}

export function fetchKeys(): Promise<Page<ApiKey>> {
	return request("GET", "/keys");
}

export function createKey(input: { name: string; scopes: readonly Scope[] }): Promise<NewApiKey> {
	return request("POST", "/keys", { body: input });
}

export function deleteKey(id: string): Promise<void> {
	return request("DELETE", `/keys/${encodeURIComponent(id)}`);
}
