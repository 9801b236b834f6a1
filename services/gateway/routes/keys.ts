/** API keys. */

import { z } from "zod";
import { SCOPES } from "../../../contracts/account.ts";
import { created, noContent, ok, type Route, route } from "../route.ts";
import { instant, paging, text } from "../schemas.ts";

export const keyRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/keys",
		access: "admin",
		summary: "List API keys",
		success: { status: 200, description: "A page of keys, without their secrets" },
		query: z.strictObject(paging(["createdAt", "name"], "-createdAt")),
		respond: async ({ call, organisation, query }) => ok(await call("accounts.listKeys", { organisation, ...query })),
	}),
	route({
		method: "POST",
		path: "/api/v1/keys",
		access: "admin",
		summary: "Create an API key",
		success: { status: 201, description: "The key with its secret, which is shown this once" },
		limit: "writes",
		body: z.strictObject({
			name: text(200),
			scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
			expiresAt: instant.optional(),
		}),
		async respond({ call, organisation, body }) {
			const key = await call("accounts.createKey", { organisation, ...body });
			return created(`/api/v1/keys/${key.id}`, key, { "Cache-Control": "no-store" });
		},
	}),
	route({
		method: "DELETE",
		path: "/api/v1/keys/:id",
		access: "admin",
		summary: "End an API key",
		description: "Takes effect within 5 s.",
		success: { status: 204, description: "Ended" },
		limit: "writes",
		async respond({ call, organisation, params: { id = "" } }) {
			await call("accounts.removeKey", { organisation, id });
			return noContent;
		},
	}),
];
