/**
 * Where a scan of a code leads: the first rule whose every condition holds, else a variant by weight, else the code's
 * address; or that it leads nowhere any more. Pure: the same question always has the same answer.
 */

import type { RoutableCode, Rule, RuleCondition, Variant } from "../../contracts/code.ts";
import type { Device } from "../../contracts/scan.ts";
import { hash32 } from "./partition-of.ts";

/** What rules and variants look at. */
export interface Traveller {
	/** Epoch ms. */
	readonly now: number;
	readonly device: Device;
	readonly os?: string;
	readonly country?: string;
	/** Primary subtag, lower case. */
	readonly language?: string;
	/** The same for the same person on the same day; a variant sticks to it. */
	readonly visitor: string;
}

export type Destination =
	| { readonly kind: "destination"; readonly url: string }
	/** Inactive, expired or used up; not counted. With `url` people are sent there instead. */
	| { readonly kind: "gone"; readonly reason: "inactive" | "expired" | "used_up"; readonly url?: string }
	| { readonly kind: "unknown" };

/** Decides for one request. */
export function chooseDestination(code: RoutableCode | null, traveller: Traveller): Destination {
	if (!code || code.deleted) return { kind: "unknown" };
	const reason = whyGone(code, traveller.now);
	if (reason) return { kind: "gone", reason, url: code.fallbackUrl };
	const rule = code.rules.find((candidate) => holds(candidate, traveller));
	return { kind: "destination", url: rule?.url ?? chooseVariant(code, traveller)?.url ?? code.url };
}

function whyGone(code: RoutableCode, now: number): "inactive" | "expired" | "used_up" | undefined {
	if (!code.active) return "inactive";
	if (code.expiresAt !== undefined && Date.parse(code.expiresAt) <= now) return "expired";
	if (code.usedUp) return "used_up";
	return undefined;
}

function holds({ if: condition }: Rule, traveller: Traveller): boolean {
	return (Object.keys(condition) as (keyof RuleCondition)[]).every((name) => meets(name, condition, traveller));
}

function meets(name: keyof RuleCondition, condition: RuleCondition, traveller: Traveller): boolean {
	const wanted = condition[name];
	if (wanted === undefined) return true;
	switch (name) {
		case "after":
			return traveller.now >= Date.parse(wanted);
		case "before":
			return traveller.now < Date.parse(wanted);
		case "language":
			return traveller.language === wanted.split(/[-_]/)[0]?.toLowerCase();
		case "country":
		case "device":
		case "os":
			return traveller[name]?.toLowerCase() === wanted.toLowerCase();
		default:
			// A condition of a newer release that this one cannot judge must not send people to the wrong place.
			return false;
	}
}

/** The visitor is asked for only where there is a choice: telling visitors apart is what costs most in a redirect. */
function chooseVariant({ id, variants }: RoutableCode, traveller: Traveller): Variant | undefined {
	const total = variants.reduce((sum, { weight }) => sum + weight, 0);
	if (total <= 0) return undefined;
	let point = (hash32(`${traveller.visitor}\n${id}`) / 2 ** 32) * total;
	for (const variant of variants) {
		point -= variant.weight;
		if (point < 0) return variant;
	}
	return variants.findLast(({ weight }) => weight > 0);
}
