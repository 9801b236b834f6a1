/** How numbers, times and values of dimensions are written for people. */
import type { Dimension } from "../../contracts/scan.ts";

const WHOLE = new Intl.NumberFormat();
const SHORT = new Intl.NumberFormat(undefined, { notation: "compact", maximumFractionDigits: 1 });
const PERCENT = new Intl.NumberFormat(undefined, { style: "percent", maximumFractionDigits: 0 });
const COUNTRIES = new Intl.DisplayNames(undefined, { type: "region" });
const LANGUAGES = new Intl.DisplayNames(undefined, { type: "language" });

export function whole(n: number): string {
	return WHOLE.format(n);
}

export function short(n: number): string {
	return SHORT.format(n);
}

/** A change as its size; the direction is the caller's to show. */
export function percent(fraction: number): string {
	return PERCENT.format(Math.abs(fraction));
}

/** A span of time in its largest unit: `12 s`, `3 min`, `2 h`, `5 d`. */
export function span(ms: number): string {
	const seconds = Math.max(0, Math.round(ms / 1_000));
	if (seconds < 60) return `${seconds} s`;
	if (seconds < 3_600) return `${Math.floor(seconds / 60)} min`;
	if (seconds < 86_400) return `${Math.floor(seconds / 3_600)} h`;
	return `${Math.floor(seconds / 86_400)} d`;
}

export function day(iso: string): string {
	return new Date(iso).toLocaleDateString(undefined, { dateStyle: "medium" });
}

const DEVICE_NAMES: Readonly<Record<string, string>> = {
	mobile: "Mobile",
	tablet: "Tablet",
	desktop: "Desktop",
	tv: "TV",
	bot: "Bot",
	other: "Other device",
};

export function countryName(code: string): string {
	try {
		return COUNTRIES.of(code) ?? code;
	} catch {
		return code;
	}
}

export function deviceName(device: string): string {
	return DEVICE_NAMES[device] ?? device;
}

/** The name of a dimension's value, as rows of a breakdown show it. */
export function valueName(by: Dimension, value: string): string {
	if (value === "(none)") return by === "referrer" ? "Direct" : by === "placement" ? "No placement" : "Unknown";
	if (value === "(other)") return "Other";
	if (by === "country") return countryName(value);
	if (by === "device") return deviceName(value);
	if (by === "language") return languageName(value);
	return value;
}

function languageName(tag: string): string {
	try {
		return LANGUAGES.of(tag) ?? tag;
	} catch {
		return tag;
	}
}
