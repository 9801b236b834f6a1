/** Organisations; the default one is there from the first question on. */

import { DEFAULT_ORGANISATION } from "../../contracts/account.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { EntityCollection } from "../../mixins/entity-collection.ts";
import { FieldReader } from "../../platform/fields.ts";
import { timeZoneId } from "../../platform/time-zone.ts";
import type { StoredOrganisation } from "./stored.ts";

const FIRST_NAME = "My organisation";
const FIRST_TIME_ZONE = "UTC";
const MOST_NAME = 200;

export class Organisations {
	readonly #organisations: EntityCollection<StoredOrganisation>;

	constructor(organisations: EntityCollection<StoredOrganisation>) {
		this.#organisations = organisations;
	}

	/** @throws `not_found`. */
	async get(id: string): Promise<StoredOrganisation> {
		const found = await this.#organisations.get(id);
		if (found) return found;
		if (id !== DEFAULT_ORGANISATION)
			throw new CodedError("not_found", `There is no organisation ${JSON.stringify(id)}`);
		const at = new Date().toISOString();
		const made = { id, name: FIRST_NAME, timeZone: FIRST_TIME_ZONE, createdAt: at, updatedAt: at };
		return (await this.#organisations.insertIfAbsent(made)) ? made : this.get(id);
	}

	/** @throws `invalid` naming each field at fault, `not_found`. */
	async update(
		id: string,
		changes: { readonly name?: unknown; readonly timeZone?: unknown },
	): Promise<{ organisation: StoredOrganisation; zoneChanged: boolean }> {
		const reader = new FieldReader();
		const given = reader.object("", changes, ["name", "timeZone"]);
		const name = given.name === undefined ? undefined : reader.text("name", given.name, 1, MOST_NAME);
		const timeZone = given.timeZone === undefined ? undefined : readTimeZone(reader, given.timeZone);
		reader.settle();

		const before = await this.get(id);
		const set = { ...(name && { name }), ...(timeZone && { timeZone }) };
		if (Object.keys(set).length === 0) return { organisation: before, zoneChanged: false };
		const changed = { ...set, updatedAt: new Date().toISOString() };
		await this.#organisations.change({ id }, { set: changed });
		const organisation = { ...before, ...changed };
		return { organisation, zoneChanged: organisation.timeZone !== before.timeZone };
	}
}

function readTimeZone(reader: FieldReader, value: unknown): string | undefined {
	const id = typeof value === "string" ? timeZoneId(value) : undefined;
	return id ?? reader.refuse("timeZone", value, "an IANA time zone such as Europe/Berlin");
}
