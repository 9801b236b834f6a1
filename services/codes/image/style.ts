/** How an image is to look: what a client asked for, checked and completed. */

import type { ImageOptions } from "../../../contracts/code.ts";
import { FieldReader } from "../../../platform/fields.ts";
import { placementKey } from "../../../platform/placement-key.ts";

const DEFAULTS = { size: 512, margin: 4, fg: "000000", bg: "ffffff", ec: "M" } as const;
const SIZES = { least: 64, most: 4_096 };
const MOST_MARGIN = 40;
const LEVELS = ["L", "M", "Q", "H"] as const;

export interface ImageStyle {
	readonly format: "svg" | "png";
	readonly placement: string | undefined;
	/** Width and height of the whole image, px. */
	readonly size: number;
	/** Quiet zone, modules. */
	readonly margin: number;
	/** `rrggbb` in lower case. */
	readonly fg: string;
	readonly bg: string;
	readonly ec: (typeof LEVELS)[number];
}

/** @throws `invalid` naming each parameter at fault. */
export function readStyle(options: ImageOptions): ImageStyle {
	const reader = new FieldReader();
	const given = reader.object("", options, ["format", "placement", "size", "margin", "fg", "bg", "ec"]);
	const read = <T>(name: keyof typeof DEFAULTS, one: (value: unknown) => T | undefined) =>
		given[name] === undefined ? DEFAULTS[name] : one(given[name]);
	const color = (name: "fg" | "bg") =>
		read(name, (value) => reader.matching(name, value, /^#?[0-9a-f]{6}$/i, "a colour as rrggbb"));
	const style = {
		format: reader.oneOf("format", given.format, ["svg", "png"] as const),
		placement: given.placement === undefined ? undefined : placement(reader, given.placement),
		size: read("size", (value) => reader.whole("size", value, SIZES.least, SIZES.most)),
		margin: read("margin", (value) => reader.whole("margin", value, 0, MOST_MARGIN)),
		fg: color("fg"),
		bg: color("bg"),
		ec: read("ec", (value) => reader.oneOf("ec", value, LEVELS)),
	};
	reader.settle();
	const { fg, bg, ...others } = style as ImageStyle;
	return { ...others, fg: plain(fg), bg: plain(bg) };
}

function placement(reader: FieldReader, value: unknown): string | undefined {
	const key = typeof value === "string" ? placementKey(value) : undefined;
	return key ?? reader.refuse("placement", value, "text with some of a–z 0–9 -");
}

function plain(color: string): string {
	return color.replace("#", "").toLowerCase();
}
