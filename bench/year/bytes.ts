/* How large a store is, by collection or table with its indexes, as files hold it; bytes. */
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";

export type Sizes = ReadonlyMap<string, number>;

/** Months of raw scans are one collection. */
export async function mongoBytes(url: string): Promise<Sizes> {
	const client = new MongoClient(url);
	try {
		// Sizes are those of the last checkpoint.
		await client.db("admin").command({ fsync: 1 });
		const sizes = new Map<string, number>();
		for (const { name } of await client.db().listCollections({}, { nameOnly: true }).toArray()) {
			const [stats] = await client
				.db()
				.collection(name)
				.aggregate([{ $collStats: { storageStats: {} } }])
				.toArray();
			add(sizes, name.replace(/^scans_\d{6}$/, "scans"), Number(stats?.storageStats?.totalSize ?? 0));
		}
		return sizes;
	} finally {
		await client.close();
	}
}

export function sqliteBytes(file: string): Sizes {
	const database = new DatabaseSync(file, { readOnly: true });
	try {
		const rows = database
			.prepare(
				`SELECT coalesce(schema.tbl_name, pages.name) AS name, sum(pages.pgsize) AS bytes
				FROM dbstat AS pages LEFT JOIN sqlite_schema AS schema ON schema.name = pages.name GROUP BY 1`,
			)
			.all() as unknown as { name: string; bytes: number }[];
		return new Map(rows.map(({ name, bytes }) => [name, bytes]));
	} finally {
		database.close();
	}
}

function add(sizes: Map<string, number>, name: string, bytes: number): void {
	sizes.set(name, (sizes.get(name) ?? 0) + bytes);
}
