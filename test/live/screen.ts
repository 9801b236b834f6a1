/*
 * A dashboard open in a real browser, and when its numbers changed: every change of the total is noted in the page with
 * the wall clock of the moment it was in the document.
 */
import path from "node:path";
import type { Browser, Page } from "playwright-core";
import { until } from "../harness/product.ts";

export interface Screen {
	readonly page: Page;
	/** The total that is shown, undefined while none is. */
	total(): Promise<number | undefined>;
	/** What the page says of its connection. */
	state(): Promise<string | null>;
	/** Epoch ms at which a total of at least `scans` was first in the document. */
	shownAt(scans: number): Promise<number | undefined>;
	/** Every state the page has shown, in order. */
	states(): Promise<string[]>;
}

const NOTE_CHANGES = path.join(import.meta.dirname, "note-changes.js");

/** Signs in by the one-time link (or shows `path` with a session there is) and opens a page of the dashboard. */
export async function openScreen(
	browser: Browser,
	url: string,
	session: { signInUrl: string } | { cookie: string },
): Promise<Screen> {
	const context = await browser.newContext();
	if ("cookie" in session) {
		await context.addCookies([
			{ name: "scanpulse_session", value: session.cookie, url, httpOnly: true, sameSite: "Strict" },
		]);
	}
	const page = await context.newPage();
	await page.addInitScript({ path: NOTE_CHANGES });
	await page.goto("signInUrl" in session ? session.signInUrl : url);
	const screen: Screen = {
		page,
		async total() {
			const value = await page.getByTestId("total-scans").getAttribute("data-value");
			return value === null ? undefined : Number(value);
		},
		state: () => page.getByTestId("connection-state").getAttribute("data-state"),
		shownAt: (scans) => page.evaluate(`window.notes.totals.find(([total]) => total >= ${scans})?.[1]`),
		states: () => page.evaluate("window.notes.states"),
	};
	await until(async () => (await screen.state()) === "live", { what: "the screen to be live", timeoutMs: 20_000 });
	return screen;
}
