/*
 * A real Chromium without a window, as a visitor of the dashboard has it, closed when the test file ends.
 */
import { type Browser, chromium } from "playwright-core";
import { provision } from "../../scripts/servers/provision.ts";
import { atEndOfFile } from "./cleanup.ts";

const ARGUMENTS = [
	"--no-sandbox",
	"--disable-gpu",
	"--disable-background-networking",
	"--disable-component-update",
	"--disable-sync",
	"--no-first-run",
];

/** Starts the browser; open pages with `browser.newPage()`, separate visitors with `browser.newContext()`. */
export async function openBrowser(): Promise<Browser> {
	const browser = await chromium.launch({ executablePath: await provision("chromium"), args: ARGUMENTS });
	atEndOfFile(() => browser.close());
	return browser;
}
