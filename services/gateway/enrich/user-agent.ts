/** What a user agent string says: kind of device, system and browser by their usual names, and whether it is a bot. */

import { isbot } from "isbot";
import parser from "my-ua-parser";
import type { Device } from "../../../contracts/scan.ts";
import { Generations } from "../generations.ts";

export interface Agent {
	readonly device: Device;
	readonly bot: boolean;
	readonly os?: string;
	readonly browser?: string;
}

/** What is known when there is no user agent: nothing, and that is no bot. */
const UNKNOWN: Agent = { device: "other", bot: false };

/** Longer strings are cut before they are read, characters. */
const READ_CHARACTERS = 512;
const MAX_REMEMBERED = 10_000;

const DEVICES: Readonly<Record<string, Device>> = { mobile: "mobile", tablet: "tablet", smarttv: "tv" };

const SYSTEMS: Readonly<Record<string, string>> = {
	"Mac OS": "macOS",
	"Chromium OS": "ChromeOS",
	"Chrome OS": "ChromeOS",
	"Windows Phone": "Windows Phone",
	"Windows Mobile": "Windows Phone",
	"Android-x86": "Android",
};

const DESKTOP_SYSTEMS = new Set(["Windows", "macOS", "Linux", "ChromeOS"]);

/** Distributions are one system to those who look at numbers. */
const LINUX =
	/linux|ubuntu|debian|fedora|suse|red hat|centos|gentoo|arch|mint|manjaro|slackware|mandriva|elementary|zenwalk|vectorlinux|pclinuxos|raspbian|kubuntu|deepin|gnu/i;

const BROWSERS: Readonly<Record<string, string>> = {
	"Mobile Safari": "Safari",
	"Mobile Chrome": "Chrome",
	"Mobile Firefox": "Firefox",
	"Chrome WebView": "Chrome",
	"Chrome Headless": "Chrome",
	"Opera Mobi": "Opera",
	"Opera Touch": "Opera",
	"Opera Tablet": "Opera",
	"Opera GX": "Opera",
	IEMobile: "IE",
	"Samsung Browser": "Samsung Internet",
};

const remembered = new Generations<Agent>(MAX_REMEMBERED);

export function readUserAgent(userAgent: string | undefined): Agent {
	if (!userAgent) return UNKNOWN;
	const text = userAgent.slice(0, READ_CHARACTERS);
	let agent = remembered.get(text);
	if (!agent) {
		agent = parse(text);
		remembered.set(text, agent);
	}
	return agent;
}

function parse(text: string): Agent {
	const { device, os, browser } = new parser.UAParser(text).getResult();
	const system = os.name === undefined ? undefined : systemName(os.name);
	const bot = isbot(text);
	const kind =
		DEVICES[device.type ?? ""] ??
		(device.type === undefined && DESKTOP_SYSTEMS.has(system ?? "") ? "desktop" : "other");
	return {
		device: bot ? "bot" : kind,
		bot,
		os: system,
		browser: browser.name === undefined ? undefined : (BROWSERS[browser.name] ?? browser.name),
	};
}

function systemName(name: string): string {
	return SYSTEMS[name] ?? (LINUX.test(name) ? "Linux" : name);
}
