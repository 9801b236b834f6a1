/** The API's description of itself, for programs and for people. */

import { DOCS_POLICY, docsPage } from "../docs-page.ts";
import { describeApi } from "../openapi.ts";
import { ok, type Route, route } from "../route.ts";

/** @param routes all that is described */
export function descriptionRoutes(routes: readonly Route[]): readonly Route[] {
	const description = Buffer.from(JSON.stringify(describeApi(routes)));
	const page = Buffer.from(docsPage(routes));
	return [
		route({
			method: "GET",
			path: "/openapi.json",
			access: "public",
			summary: "This API as OpenAPI 3.1",
			success: { status: 200, description: "The description" },
			respond: () => ok(description),
		}),
		route({
			method: "GET",
			path: "/docs",
			access: "public",
			summary: "This API for people",
			success: { status: 200, description: "A page" },
			respond: () => ok(page, { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": DOCS_POLICY }),
		}),
	];
}
