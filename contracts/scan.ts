/**
 * The scan: what one is when a gateway has accepted it. This shape travels in the event log and is what the store keeps
 * raw; the dimensions are those that every roll-up and every query knows.
 */

/** Dimensions a roll-up keeps per bucket and a query may group or filter by, in the order they are shown. */
export const DIMENSIONS = [
	"country",
	"region",
	"city",
	"device",
	"os",
	"browser",
	"language",
	"referrer",
	"placement",
	"source",
	"code",
	"utm_source",
	"utm_medium",
	"utm_campaign",
] as const;

export type Dimension = (typeof DIMENSIONS)[number];

/** Dimensions that a bucket stores; `code` is not among them, because it is read from the codes' own buckets. */
export const BUCKET_DIMENSIONS = DIMENSIONS.filter((dimension) => dimension !== "code") as readonly BucketDimension[];

export type BucketDimension = Exclude<Dimension, "code">;

export const DEVICES = ["mobile", "tablet", "desktop", "tv", "bot", "other"] as const;
export type Device = (typeof DEVICES)[number];

export const SOURCES = ["qr", "link", "api"] as const;
export type Source = (typeof SOURCES)[number];

/** Value under which absence is counted. */
export const NONE = "(none)";
/** Value under which a bucket counts what exceeds its cap of values. */
export const OTHER = "(other)";

/**
 * A scan that was accepted: enriched, anonymous, and complete in itself, so that it can be stored whatever happens to
 * its code. Times are epoch milliseconds. Absent dimensions are counted as `(none)`.
 */
export interface AcceptedScan {
	readonly id: string;
	/** True when the client chose the id: then it is unique over all months, not only in that of `at`. */
	readonly ownId?: true;
	readonly organisation: string;
	readonly code: string;
	readonly slug: string;
	readonly at: number;
	readonly source: Source;
	readonly device: Device;
	readonly bot: boolean;
	readonly os?: string;
	readonly browser?: string;
	readonly country?: string;
	readonly region?: string;
	readonly city?: string;
	readonly lat?: number;
	readonly lon?: number;
	readonly language?: string;
	/** Host of the referring page. */
	readonly referrer?: string;
	readonly placement?: string;
	readonly utm_source?: string;
	readonly utm_medium?: string;
	readonly utm_campaign?: string;
	/** Keyed hash of the visitor under the salt of the day; never an address. */
	readonly visitor?: string;
}

/** A raw scan as stored: `first` says that it was its visitor's first on this code in the UTC day of `at`. */
export interface StoredScan extends AcceptedScan {
	readonly first: boolean;
}

/** A scan as feeds and exports show it; `at` is an ISO instant. */
export interface FeedScan {
	readonly id: string;
	readonly code: string;
	readonly slug: string;
	readonly at: string;
	readonly country?: string;
	readonly city?: string;
	readonly lat?: number;
	readonly lon?: number;
	readonly device: Device;
	readonly os?: string;
	readonly browser?: string;
	readonly placement?: string;
	readonly source: Source;
	readonly bot: boolean;
	readonly first: boolean;
}

/** A scan as exports show it: what a feed shows, and the other raw fields. */
export interface ExportedScan extends FeedScan {
	readonly region?: string;
	readonly language?: string;
	readonly referrer?: string;
	readonly utm_source?: string;
	readonly utm_medium?: string;
	readonly utm_campaign?: string;
	/** Keyed hash of the visitor under the salt of the day. */
	readonly visitor?: string;
}

/** Where a reading of raw scans stands: behind this scan; with an empty id, before every scan of that instant. */
export interface ScanPlace {
	/** Epoch ms. */
	readonly at: number;
	readonly id: string;
}

/** Scans without bots, first visits, and bots apart. */
export interface Counts {
	readonly scans: number;
	readonly visitors: number;
	readonly bots: number;
}
