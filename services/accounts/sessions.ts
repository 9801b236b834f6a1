/** Sessions of members: 30 days from their last use. Only the hash of a session's token is kept. */

import type { Credential, NewSession } from "../../contracts/account.ts";
import type { EntityCollection } from "../../mixins/entity-collection.ts";
import { randomId } from "../../platform/random-id.ts";
import { hashToken, newSessionToken } from "../../platform/token.ts";
import { type StoredMember, type StoredSession, sessionCredential } from "./stored.ts";

const LIFETIME_MS = 30 * 24 * 60 * 60 * 1_000;
/** A session in use moves its end on at most so often, ms. */
const SLIDE_EVERY_MS = 60 * 60 * 1_000;

export class Sessions {
	readonly #sessions: EntityCollection<StoredSession>;

	constructor(sessions: EntityCollection<StoredSession>) {
		this.#sessions = sessions;
	}

	async create({ id: member, organisation }: StoredMember): Promise<NewSession> {
		const now = Date.now();
		await this.#sessions.remove({ expiresAt: { $lte: now } });
		const token = newSessionToken();
		const expiresAt = now + LIFETIME_MS;
		await this.#sessions.insert({
			id: randomId("session"),
			hash: hashToken(token),
			organisation,
			member,
			createdAt: new Date(now).toISOString(),
			expiresAt,
		});
		return { token, expiresAt };
	}

	/** The credential of a session's token, or null. */
	async prove(token: string): Promise<Credential | null> {
		const session = await this.#sessions.first({ hash: hashToken(token) });
		const now = Date.now();
		if (!session || session.expiresAt <= now) return null;
		const expiresAt = now + LIFETIME_MS;
		if (expiresAt - session.expiresAt < SLIDE_EVERY_MS) return sessionCredential(session);
		await this.#sessions.change({ id: session.id }, { set: { expiresAt } });
		return sessionCredential({ ...session, expiresAt });
	}

	/** Ends a session; its organisation, or null when there is none. */
	async end(id: string): Promise<string | null> {
		const session = await this.#sessions.get(id);
		if (!session) return null;
		await this.#sessions.remove({ id });
		return session.organisation;
	}

	/** Ends every session of a member but one; their ids. */
	async endOthers(member: string, kept: string): Promise<string[]> {
		const ended = (await this.#sessions.find({ query: { member } })).map(({ id }) => id).filter((id) => id !== kept);
		if (ended.length > 0) await this.#sessions.remove({ id: { $in: ended } });
		return ended;
	}
}
