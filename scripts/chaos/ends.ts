/*
 * Whose process was due to end, and how: one that ends without having been struck is a violation, and so is one of the
 * product's that was asked to stop and did not do so in order.
 */
import type { Strike } from "./schedule.ts";

type Kind = Strike["kind"];

export class Ends {
	readonly #due = new Map<string, Kind[]>();

	/** Notes a strike, before it is carried out. */
	expect({ member, kind }: Pick<Strike, "member" | "kind">): void {
		if (kind !== "pause") this.#due.set(member, [...(this.#due.get(member) ?? []), kind]);
	}

	/**
	 * Judges what is said of a member.
	 *
	 * @param what such as `killed by SIGKILL` or `ended with code 0`; anything else is no end
	 * @returns the violation, if it is one
	 */
	judge(member: string, what: string): string | undefined {
		if (!/^(killed|ended)/.test(what)) return undefined;
		const kind = this.#due.get(member)?.shift();
		if (kind === undefined) return `${member} ${what} although nobody struck it`;
		const ofProduct = member.includes("-") || member === "scanpulse";
		if (kind === "restart" && ofProduct && what !== "ended with code 0") return `${member} ${what} on SIGTERM`;
		return undefined;
	}
}
