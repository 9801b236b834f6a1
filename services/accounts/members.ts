/** The people of an organisation: the first one comes by the sign-in link, and may set an e-mail address and password. */

import { DEFAULT_ORGANISATION } from "../../contracts/account.ts";
import { CodedError } from "../../contracts/errors.ts";
import { type EntityCollection, isTaken } from "../../mixins/entity-collection.ts";
import { FieldReader } from "../../platform/fields.ts";
import { hashPassword, isPassword } from "./passwords.ts";
import type { StoredMember } from "./stored.ts";

/** One id for the first member, so that two links opened at once make one member. */
const FIRST_MEMBER = "member_first";
const FIRST_NAME = "Owner";
const EMAIL = /^[^\s@]{1,64}@[^\s@.]+(\.[^\s@.]+)+$/;
const LIMITS = { name: 200, email: 254, password: { least: 12, most: 256 } };

export interface MemberChanges {
	readonly name?: unknown;
	readonly email?: unknown;
	readonly password?: unknown;
}

export class Members {
	readonly #members: EntityCollection<StoredMember>;

	constructor(members: EntityCollection<StoredMember>) {
		this.#members = members;
	}

	get(id: string): Promise<StoredMember | null> {
		return this.#members.get(id);
	}

	/** The member that a sign-in link stands for, made when there is none yet. */
	async first(): Promise<StoredMember> {
		const found = await this.#members.get(FIRST_MEMBER);
		if (found) return found;
		const member: StoredMember = {
			id: FIRST_MEMBER,
			organisation: DEFAULT_ORGANISATION,
			name: FIRST_NAME,
			createdAt: new Date().toISOString(),
		};
		return (await this.#members.insertIfAbsent(member)) ? member : this.first();
	}

	/** The member with this e-mail address and password, or null, in the same time. */
	async byPassword(email: string, password: string): Promise<StoredMember | null> {
		const member = await this.#members.first({ email: canonical(email) });
		return (await isPassword(password, member?.password)) ? member : null;
	}

	/**
	 * @throws `invalid` naming each field at fault; `conflict` when another member has the e-mail address.
	 */
	async change(id: string, changes: MemberChanges): Promise<void> {
		const reader = new FieldReader();
		const { name, email, password } = reader.object("", changes, ["name", "email", "password"]);
		const set: { -readonly [F in "name" | "email" | "password"]?: StoredMember[F] } = {};
		if (name !== undefined) set.name = reader.text("name", name, 1, LIMITS.name);
		if (email !== undefined) set.email = readEmail(reader, email);
		if (password !== undefined && !isLongEnough(password)) {
			const { least, most } = LIMITS.password;
			reader.refuseSecret("password", `${least}–${most} characters`);
		}
		reader.settle();
		if (isLongEnough(password)) set.password = await hashPassword(password);
		if (Object.keys(set).length === 0) return;
		try {
			await this.#members.change({ id }, { set });
		} catch (error) {
			if (!isTaken(error)) throw error;
			throw new CodedError("conflict", "Another member has this e-mail address", {
				errors: [{ path: "email", message: `expected an address of nobody else, got ${JSON.stringify(set.email)}` }],
			});
		}
	}
}

/** How an e-mail address is kept and looked up. */
export function canonical(email: string): string {
	return email.trim().toLowerCase();
}

function readEmail(reader: FieldReader, email: unknown): string | undefined {
	const kept = typeof email === "string" ? canonical(email) : "";
	if (kept.length <= LIMITS.email && EMAIL.test(kept)) return kept;
	return reader.refuse("email", email, `an e-mail address of at most ${LIMITS.email} characters`);
}

function isLongEnough(password: unknown): password is string {
	const { least, most } = LIMITS.password;
	return typeof password === "string" && password.length >= least && password.length <= most;
}
