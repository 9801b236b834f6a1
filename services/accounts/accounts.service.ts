/**
 * Owns organisations, members, sessions and API keys, and proves who calls. No secret is kept: of tokens there is a hash,
 * of passwords a salted one. That a credential has ended is told to every node.
 */

import type { ServiceSchema } from "moleculer";
import type { Credential, Me } from "../../contracts/account.ts";
import { CodedError } from "../../contracts/errors.ts";
import { db } from "../../mixins/db.ts";
import { type ActionsOf, broadcast } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import { hashToken, TOKEN_PREFIX } from "../../platform/token.ts";
import { Attempts } from "./attempts.ts";
import { ACCOUNT_COLLECTIONS } from "./collections.ts";
import { Keys } from "./keys.ts";
import { canonical, Members } from "./members.ts";
import { Organisations } from "./organisations.ts";
import { Sessions } from "./sessions.ts";
import type { StoredKey, StoredMember, StoredOrganisation, StoredSession } from "./stored.ts";

/** Tries of a password for one e-mail address in a window. */
const SIGN_IN_TRIES = 10;
const SIGN_IN_WINDOW_MS = 60_000;
const DAY_MS = 86_400_000;
const MOST_ROWS = 200;

const id = "string|min:1|max:128";
const token = "string|min:1|max:512";
const credential = { type: "object", props: { kind: "string", id: "string", organisation: "string", scopes: "array" } };

export default function accounts(platform: Platform): ServiceSchema {
	const stores = db(platform.config, ACCOUNT_COLLECTIONS);
	const organisations = new Organisations(stores.of<StoredOrganisation>("organisations"));
	const members = new Members(stores.of<StoredMember>("members"));
	const sessions = new Sessions(stores.of<StoredSession>("sessions"));
	const keys = new Keys(stores.of<StoredKey>("keys"));
	const attempts = new Attempts(SIGN_IN_TRIES, SIGN_IN_WINDOW_MS);

	async function meOf({ kind, id, scopes, organisation, member }: Credential): Promise<Me> {
		const person = member === undefined ? null : await members.get(member);
		return {
			...{ kind, id, scopes, organisation: await organisations.get(organisation) },
			...(person && { member: { id: person.id, name: person.name, ...(person.email && { email: person.email }) } }),
		};
	}

	const actions: ActionsOf<"accounts"> = {
		authenticate: {
			params: { token },
			async handler({ params }) {
				if (params.token.startsWith(TOKEN_PREFIX.key)) return keys.prove(params.token);
				return params.token.startsWith(TOKEN_PREFIX.session) ? sessions.prove(params.token) : null;
			},
		},
		redeemSignIn: {
			params: { token },
			async handler({ params }) {
				// Before the link is used up, so that it still works when the store was away.
				const member = await members.first();
				const records = await platform.records();
				return (await records.takeToken(hashToken(params.token))) ? sessions.create(member) : null;
			},
		},
		createSession: {
			params: { email: "string|max:1024", password: "string|max:1024" },
			async handler({ params }) {
				const retryAfterMs = attempts.refusedForMs(hashToken(canonical(params.email)), Date.now());
				if (retryAfterMs > 0) {
					throw new CodedError("rate_limited", "Too many tries to sign in. Wait a minute.", { retryAfterMs });
				}
				const member = await members.byPassword(params.email, params.password);
				if (!member) throw new CodedError("unauthorized", "The e-mail address or the password is wrong");
				return sessions.create(member);
			},
		},
		endSession: {
			params: { id },
			async handler(ctx) {
				const organisation = await sessions.end(ctx.params.id);
				if (organisation) broadcast(ctx, "accounts.changed", { organisation, credential: ctx.params.id });
				return null;
			},
		},
		me: {
			params: { credential },
			handler: ({ params }) => meOf(params.credential),
		},
		updateMe: {
			params: { credential, changes: "object" },
			async handler(ctx) {
				const { credential, changes } = ctx.params;
				if (credential.member === undefined) {
					throw new CodedError("forbidden", "Only a member who is signed in can change who they are");
				}
				await members.change(credential.member, changes);
				if (changes.password !== undefined) {
					// Whoever knew the old password is signed out.
					for (const ended of await sessions.endOthers(credential.member, credential.id)) {
						broadcast(ctx, "accounts.changed", { organisation: credential.organisation, credential: ended });
					}
				}
				return meOf(credential);
			},
		},
		organisation: {
			params: { organisation: id },
			handler: ({ params }) => organisations.get(params.organisation),
		},
		updateOrganisation: {
			params: { organisation: id, changes: "object" },
			async handler(ctx) {
				const { organisation, zoneChanged } = await organisations.update(ctx.params.organisation, ctx.params.changes);
				if (zoneChanged) {
					const { id, timeZone } = organisation;
					broadcast(ctx, "accounts.changed", { organisation: id, timeZone });
				}
				return organisation;
			},
		},
		createKey: {
			params: { organisation: id, name: "any", scopes: "any", expiresAt: "any|optional" },
			handler: ({ params }) => keys.create(params),
		},
		listKeys: {
			params: {
				organisation: id,
				page: "number|integer|min:1",
				pageSize: `number|integer|min:1|max:${MOST_ROWS}`,
				sort: "string|optional|max:64",
			},
			handler: ({ params }) => keys.list(params.organisation, params.page, params.pageSize, params.sort),
		},
		removeKey: {
			params: { organisation: id, id },
			async handler(ctx) {
				const { organisation, id } = ctx.params;
				await keys.remove(organisation, id);
				broadcast(ctx, "accounts.changed", { organisation, credential: id });
				return null;
			},
		},
		salts: {
			async handler() {
				const now = Date.now();
				const days = [now - DAY_MS, now, now + DAY_MS].map((at) => new Date(at).toISOString().slice(0, 10));
				return (await platform.records()).salts(days);
			},
		},
	};

	return { name: "accounts", mixins: [stores.mixin], actions };
}
