/** Codes over HTTP. */
import type { Code, CodeChanges, CodeInput, Page } from "../../../contracts/code.ts";
import { request } from "./client.ts";

export interface CodeSearch {
	readonly search?: string;
	readonly page: number;
	readonly pageSize: number;
}

export function fetchCodes(query: CodeSearch, signal?: AbortSignal): Promise<Page<Code>> {
	return request("GET", "/codes", { query: { ...query, sort: "-createdAt" }, signal });
}

export function fetchCode(id: string, signal?: AbortSignal): Promise<Code> {
	return request("GET", `/codes/${encodeURIComponent(id)}`, { signal });
}

export function createCode(input: CodeInput): Promise<Code> {
	return request("POST", "/codes", { body: input });
}

export function changeCode(id: string, changes: CodeChanges): Promise<Code> {
	return request("PATCH", `/codes/${encodeURIComponent(id)}`, { body: changes });
}

export function deleteCode(id: string): Promise<void> {
	return request("DELETE", `/codes/${encodeURIComponent(id)}`);
}

/** Address of a code's image; `size` is its width and height in px. */
export function imageAddress(
	id: string,
	format: "svg" | "png",
	options: { placement?: string; size?: number } = {},
): string {
	const query = new URLSearchParams();
	if (options.placement) query.set("placement", options.placement);
	if (options.size) query.set("size", String(options.size));
	const text = query.toString();
	return `/api/v1/codes/${encodeURIComponent(id)}/qr.${format}${text ? `?${text}` : ""}`;
}
