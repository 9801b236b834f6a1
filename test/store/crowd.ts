/**
 * Documents of others in every collection of a running product, made after those that are there: a question that looks at
 * more than its answer needs is then seen to.
 */

import type { Db, Document } from "mongodb";

const CROWD = 2_000;
/** Few by nature and read whole, or by name alone: a partition, a lease, a month, a mark. */
const SINGLE = new Set(["partitions", "leases", "fences", "meta", "closings", "once"]);
const FAR = new Date(Date.UTC(2100, 0));
const LONG_AGO = new Date(Date.UTC(2024, 0));

/** What is another's of a document's clone; ids and what must be unique are made different for all. */
const DIFFERENT: Readonly<Record<string, (n: number) => Document>> = {
	codes: (n) => ({ slugs: [`crowd-${n}`], slug: `crowd-${n}`, changedAt: 1, maxScans: undefined }),
	// Of the same organisation and the same time: edits that lead nowhere else.
	code_history: () => ({ organisation: undefined, action: "updated", fields: { name: { after: "crowd" } } }),
	members: (n) => ({ email: `crowd-${n}@example.org` }),
	sessions: (n) => ({ hash: `crowd-${n}`, member: `crowd-${n % 100}`, organisation: undefined }),
	keys: (n) => ({ hash: `crowd-${n}` }),
	jobs: (n) => ({ key: `crowd-${n}`, job: "crowd", status: "succeeded", endedAt: new Date() }),
	nodes: () => ({ actor: "crowd", seenAt: new Date() }),
	salts: () => ({ expiresAt: FAR }),
	tokens: () => ({ expiresAt: FAR }),
	totals: () => ({ partition: undefined }),
	quarters: (n) => ({ at: new Date(LONG_AGO.getTime() + n * 900_000) }),
	producers: (n) => ({ producer: `crowd-${n}` }),
	ids: () => ({ month: "202401" }),
};

/** @returns the collections that have a crowd now */
export async function makeCrowd(db: Db): Promise<string[]> {
	const crowded: string[] = [];
	for (const { name } of await db.listCollections({}, { nameOnly: true }).toArray()) {
		if (SINGLE.has(name) || name.startsWith("system.")) continue;
		const collection = db.collection<{ _id: string } & Document>(name);
		const [one] = await collection.find().limit(1).toArray();
		if (!one) continue;
		const clones = Array.from({ length: CROWD }, (_, n) => {
			const other = "organisation" in one ? { organisation: "crowd" } : {};
			const clone: Document = { ...one, ...other, ...DIFFERENT[name]?.(n), _id: `crowd-${n}` };
			if (clone.organisation === undefined && "organisation" in one) clone.organisation = one.organisation;
			return clone as { _id: string } & Document;
		});
		await collection.insertMany(clones, { ignoreUndefined: true });
		crowded.push(name);
	}
	return crowded;
}
