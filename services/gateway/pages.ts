/** The small pages that people see when a printed code leads nowhere. They load nothing and work without scripts. */

import type { ServerResponse } from "node:http";

export interface PageContent {
	readonly status: number;
	readonly title: string;
	readonly text: string;
}

export const PAGES = {
	unknown: {
		status: 404,
		title: "This code is unknown",
		text: "Nothing belongs to this address. The print may be damaged, or the address was typed with a mistake.",
	},
	inactive: {
		status: 410,
		title: "This code is switched off",
		text: "Its owner has switched it off. It may be back later.",
	},
	expired: {
		status: 410,
		title: "This code has expired",
		text: "It was valid until a date that has passed.",
	},
	used_up: {
		status: 410,
		title: "This code is used up",
		text: "It was made for a number of scans, and that number is reached.",
	},
	tooMany: {
		status: 429,
		title: "Too many requests",
		text: "Many requests came from your network. Please wait a moment and try again.",
	},
	unavailable: {
		status: 503,
		title: "One moment, please",
		text: "This code cannot be looked up right now. Please try again in a few seconds.",
	},
	signInGone: {
		status: 410,
		title: "This sign-in link is no longer valid",
		text: "A sign-in link works once, for 24 hours. Ask for a new one where the first one came from.",
	},
} as const satisfies Record<string, PageContent>;

export function sendPage(response: ServerResponse, page: PageContent, withBody = true): void {
	const { status, headers, body } = pageReply(page);
	response.writeHead(status, { ...headers, "Content-Length": body.length });
	response.end(withBody ? body : undefined);
}

/** The page as a route answers it. */
export function pageReply({ status, title, text }: PageContent) {
	const headers = {
		"Content-Type": "text/html; charset=utf-8",
		"Cache-Control": "private, no-store",
		"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options": "nosniff",
		"Referrer-Policy": "no-referrer",
	};
	return { status, headers, body: Buffer.from(pageOf(title, text)) };
}

/** Only texts of this module get in: nothing of the request does. */
function pageOf(title: string, text: string): string {
	return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<style>
:root { color-scheme: light dark; --ink: #1c1d21; --soft: #5c5f68; --paper: #fbfbfa; --card: #fff; --line: #e4e4e1; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececee; --soft: #a3a6b0; --paper: #101113; --card: #18191c; --line: #2b2d32; } }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper); color: var(--ink);
  font: 1.0625rem/1.55 system-ui, -apple-system, "Segoe UI", sans-serif; }
main { margin: 1.5rem; max-width: 26rem; padding: 2.25rem 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 1rem; text-align: center; }
svg { width: 3rem; height: 3rem; color: var(--soft); }
h1 { margin: 1rem 0 .5rem; font-size: 1.375rem; line-height: 1.3; text-wrap: balance; }
p { margin: 0; color: var(--soft); text-wrap: pretty; }
</style>
</head>
<body>
<main>
<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.6" aria-hidden="true"><path d="M4 4h6v6H4zM14 4h6v6h-6zM4 14h6v6H4zM14 14h2v2h-2zM18 18h2v2h-2zM18 14h2M14 18v2"/></svg>
<h1>${title}</h1>
<p>${text}</p>
</main>
</body>
</html>
`;
}
