/** API keys: made, listed, proven and removed. When a key was last used is noted at most once a minute. */

import { type ApiKey, type Credential, type NewApiKey, SCOPES } from "../../contracts/account.ts";
import type { Page } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { EntityCollection } from "../../mixins/entity-collection.ts";
import { FieldReader } from "../../platform/fields.ts";
import { randomId } from "../../platform/random-id.ts";
import { hashToken, newKeySecret } from "../../platform/token.ts";
import { keyCredential, publicKey, type StoredKey } from "./stored.ts";

const LAST_USED_EVERY_MS = 60_000;
const MOST_NAME = 200;
const SORTS = ["createdAt", "name"] as const;

export interface NewKeyInput {
	readonly organisation: string;
	readonly name: unknown;
	readonly scopes: unknown;
	readonly expiresAt?: unknown;
}

export class Keys {
	readonly #keys: EntityCollection<StoredKey>;

	constructor(keys: EntityCollection<StoredKey>) {
		this.#keys = keys;
	}

	/** @throws `invalid` naming each field at fault. */
	async create({ organisation, ...input }: NewKeyInput): Promise<NewApiKey> {
		const reader = new FieldReader();
		const name = reader.text("name", input.name, 1, MOST_NAME) ?? "";
		const scopes = reader.list("scopes", input.scopes, SCOPES.length, (at, scope) => reader.oneOf(at, scope, SCOPES));
		if (Array.isArray(input.scopes) && input.scopes.length === 0) reader.refuse("scopes", [], "at least one scope");
		const expiresAt = input.expiresAt === undefined ? undefined : reader.instant("expiresAt", input.expiresAt);
		if (expiresAt && Date.parse(expiresAt) <= Date.now()) reader.refuse("expiresAt", expiresAt, "an instant to come");
		reader.settle();

		const secret = newKeySecret();
		const key: StoredKey = {
			id: randomId("key"),
			hash: hashToken(secret),
			organisation,
			name,
			sortName: name.toLowerCase(),
			scopes: [...new Set(scopes)],
			createdAt: new Date().toISOString(),
			...(expiresAt && { expiresAt }),
		};
		await this.#keys.insert(key);
		return { ...publicKey(key), secret };
	}

	async list(organisation: string, page: number, pageSize: number, sort = "-createdAt"): Promise<Page<ApiKey>> {
		const reader = new FieldReader();
		if (!SORTS.some((field) => field === sort.replace(/^-/, ""))) {
			reader.refuse("sort", sort, `one of ${SORTS.join(", ")}, with - for descending`);
		}
		reader.settle();
		const query = { organisation };
		const [rows, total] = await Promise.all([
			this.#keys.find({
				query,
				sort: sort.replace("name", "sortName"),
				offset: (page - 1) * pageSize,
				limit: pageSize,
			}),
			this.#keys.count({ query }),
		]);
		return { rows: rows.map(publicKey), total, page, pageSize };
	}

	/** @throws `not_found`. */
	async remove(organisation: string, id: string): Promise<void> {
		if ((await this.#keys.remove({ id, organisation })) > 0) return;
		throw new CodedError("not_found", `There is no key ${JSON.stringify(id)}`);
	}

	/** The credential of a key's secret, or null. */
	async prove(secret: string): Promise<Credential | null> {
		const key = await this.#keys.first({ hash: hashToken(secret) });
		const now = Date.now();
		if (!key || (key.expiresAt && Date.parse(key.expiresAt) <= now)) return null;
		if (!key.lastUsedAt || Date.parse(key.lastUsedAt) <= now - LAST_USED_EVERY_MS) {
			const set = { lastUsedAt: new Date(now).toISOString() };
			// Only for the eyes of the owner: nobody waits for it, and it does no harm when it cannot be noted.
			this.#keys.change({ id: key.id }, { set }).catch(() => undefined);
		}
		return keyCredential(key);
	}
}
