import type { ServiceSchema } from "moleculer";
import { SCOPES } from "../../contracts/account.ts";
export default function accounts(_: unknown): ServiceSchema {
	const day = (offset: number) => new Date(Date.now() + offset * 86_400_000).toISOString().slice(0, 10);
	const org = { id: "default", name: "x", timeZone: "UTC", createdAt: "2026-01-01T00:00:00.000Z", updatedAt: "2026-01-01T00:00:00.000Z" };
	const keys = new Map<string, { id: string; scopes: readonly string[] }>();
	return {
		name: "accounts",
		actions: {
			authenticate: (ctx) => {
				const t = (ctx.params as { token: string }).token;
				if (t === "session-token") return { kind: "session", id: "s1", organisation: "default", scopes: SCOPES, member: "m1" };
				const k = keys.get(t);
				return k ? { kind: "key", organisation: "default", ...k } : null;
			},
			salts: () => [-1, 0, 1].map((o) => ({ day: day(o), salt: `salt-${day(o)}` })),
			createKey: (ctx) => {
				const p = ctx.params as { name: string; scopes: string[] };
				const id = `k${keys.size}`;
				keys.set(`secret-${id}`, { id, scopes: p.scopes });
				return { id, name: p.name, scopes: p.scopes, secret: `secret-${id}`, createdAt: "2026-01-01T00:00:00.000Z" };
			},
			removeKey: (ctx) => {
				const { id } = ctx.params as { id: string };
				keys.delete(`secret-${id}`);
				ctx.broadcast("accounts.changed", { organisation: "default", credential: id });
				return null;
			},
			redeemSignIn: (ctx) => ((ctx.params as { token: string }).token === "good" ? { token: "session-token", expiresAt: Date.now() + 1e6 } : null),
			me: () => ({ kind: "session", id: "s1", scopes: SCOPES, organisation: org }),
			organisation: () => org,
			endSession: () => null,
		},
	};
}
