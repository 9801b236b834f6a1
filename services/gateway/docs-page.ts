/** A page that shows the API's description, without loading anything from elsewhere and without scripts. */

import { ERROR_KINDS } from "../../contracts/errors.ts";
import type { Route } from "./route.ts";

export const DOCS_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'";

export function docsPage(routes: readonly Route[]): string {
	const rows = routes.map(
		({ method, path, access, summary, description }) =>
			`<tr><td><code>${method}</code></td><td><code>${escaped(path)}</code></td><td>${escaped(access)}</td><td>${escaped([summary, description].filter(Boolean).join(". "))}</td></tr>`,
	);
	const errors = Object.entries(ERROR_KINDS).map(
		([code, { status, title }]) =>
			`<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${escaped(title)}</td></tr>`,
	);
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Scanpulse API</title>
<style>
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto; padding: 0 1.25rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid #8884; }
tr:target { background: #fc03; }
code { white-space: nowrap; }
</style>
</head>
<body>
<h1>Scanpulse API</h1>
<p>Every body, parameter and answer is described in <a href="/openapi.json"><code>/openapi.json</code></a> (OpenAPI 3.1).
Send <code>Authorization: Bearer KEY</code>. A code's address is <code>/q/SLUG</code>.</p>
<h2>Routes</h2>
<table><thead><tr><th>Method</th><th>Path</th><th>Needs</th><th>What it does</th></tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
<h2>Errors</h2>
<p>Errors are <code>application/problem+json</code> with one of these in <code>code</code>.</p>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${errors.join("\n")}
</tbody></table>
</body>
</html>
`;
}

function escaped(text: string): string {
	return text.replace(/[&<>"]/g, (mark) => `&#${mark.charCodeAt(0)};`);
}
