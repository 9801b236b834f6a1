/** A QR code: what its owner edits, and the part of it that a redirect needs. */

import type { Device } from "./scan.ts";

export interface RuleCondition {
	readonly country?: string;
	readonly device?: Device;
	readonly os?: string;
	readonly language?: string;
	/** ISO instants: the rule holds from `after` (inclusive) to `before` (exclusive). */
	readonly after?: string;
	readonly before?: string;
}

export interface Rule {
	readonly if: RuleCondition;
	readonly url: string;
}

export interface Variant {
	readonly url: string;
	readonly weight: number;
}

export interface Placement {
	readonly key: string;
	readonly name: string;
	readonly lat?: number;
	readonly lon?: number;
}

/** What a client may set. */
export interface CodeInput {
	readonly slug?: string;
	readonly url: string;
	readonly name?: string;
	readonly tags?: readonly string[];
	readonly active?: boolean;
	readonly expiresAt?: string;
	readonly maxScans?: number;
	readonly fallbackUrl?: string;
	readonly rules?: readonly Rule[];
	readonly variants?: readonly Variant[];
	readonly placements?: readonly Placement[];
}

/** A change: absent fields stay, `null` clears an optional one. */
export type CodeChanges = {
	readonly [K in keyof CodeInput]?: K extends "expiresAt" | "maxScans" | "fallbackUrl"
		? CodeInput[K] | null
		: CodeInput[K];
};

/** A code as the API answers it; times are ISO instants. */
export interface Code {
	readonly id: string;
	readonly slug: string;
	readonly url: string;
	readonly name: string;
	readonly tags: readonly string[];
	readonly active: boolean;
	readonly expiresAt?: string;
	readonly maxScans?: number;
	readonly fallbackUrl?: string;
	readonly rules: readonly Rule[];
	readonly variants: readonly Variant[];
	readonly placements: readonly Placement[];
	readonly createdAt: string;
	readonly updatedAt: string;
}

/**
 * What every gateway keeps in memory of a code. `version` grows with each edit, so that a late broadcast never undoes a
 * newer one; `deleted` codes still take scans that name them by id within a second of the deletion, and answer 404.
 */
export interface RoutableCode {
	readonly id: string;
	readonly organisation: string;
	readonly slug: string;
	readonly url: string;
	readonly active: boolean;
	readonly expiresAt?: string;
	readonly maxScans?: number;
	/** True when the scans counted so far have reached `maxScans`. */
	readonly usedUp: boolean;
	readonly fallbackUrl?: string;
	readonly rules: readonly Rule[];
	readonly variants: readonly Variant[];
	readonly version: number;
	readonly deleted?: true;
	/** Slugs that it had before: they are printed, and lead here for ever. */
	readonly aliases?: readonly string[];
}

export interface ImageOptions {
	readonly format: "svg" | "png";
	readonly placement?: string;
	/** Width and height of the whole image, px, 64–4096. */
	readonly size?: number;
	/** Quiet zone, modules. */
	readonly margin?: number;
	/** `rrggbb`, with or without `#`. */
	readonly fg?: string;
	readonly bg?: string;
	readonly ec?: "L" | "M" | "Q" | "H";
}

/** An image on its way to a client: SVG text, or PNG bytes in base64 so that any serializer carries it. */
export interface CodeImage {
	readonly type: "image/svg+xml" | "image/png";
	readonly encoding: "utf8" | "base64";
	readonly body: string;
}

export interface Page<T> {
	readonly rows: readonly T[];
	readonly total: number;
	readonly page: number;
	readonly pageSize: number;
}
