/** Whether a scan of a code leads anywhere now. */
import type { Code } from "../../../contracts/code.ts";

export type CodeState = "Active" | "Inactive" | "Expired";

/** @param now epoch ms */
export function codeState(code: Code, now = Date.now()): CodeState {
	if (!code.active) return "Inactive";
	return code.expiresAt && Date.parse(code.expiresAt) <= now ? "Expired" : "Active";
}
