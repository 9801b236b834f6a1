/** How the product is: the same over HTTP and on the operators' channel. */

export interface Check {
	readonly status: "ok" | "away" | "degraded";
	readonly detail?: string;
}

export interface Health {
	readonly status: "ok" | "degraded" | "down";
	readonly checks: Readonly<Record<string, Check>>;
}
