/**
 * The records in MongoDB, shared by all processes of a cluster. Time is the server's: every decision about it is made by
 * `$$NOW` in the statement that acts on it. While MongoDB is away everything fails with `unavailable`, also at the
 * opening: the collections are then made before the first operation that succeeds.
 */

import { randomBytes } from "node:crypto";
import type { Binary, ClientSession, Db, MongoClient } from "mongodb";
import type { Salt } from "../../contracts/account.ts";
import type { Page } from "../../contracts/code.ts";
import { CodedError } from "../../contracts/errors.ts";
import type { JobRun } from "../../contracts/job.ts";
import type { ReportRun } from "../../contracts/report.ts";
import { makeCollections } from "../store/mongo-collections.ts";
import { createMongoClient } from "../store/mongo-connection.ts";
import { isDuplicateKey, storeError } from "../store/mongo-errors.ts";
import { TransactionSession } from "../store/mongo-transaction.ts";
import { SALT_BYTES, SALTS_LIVE_HOURS } from "./lifetimes.ts";
import { RECORDS_PLANS } from "./mongo-layout.ts";
import { acquireLease, type LeaseDocument } from "./mongo-leases.ts";
import {
	dropReportFiles,
	keepReport,
	type ReportDocument,
	reportFile,
	reportFilesBeyond,
	reportPeriods,
	reportRuns,
} from "./mongo-reports.ts";
import { fieldsOfChange, newRunDocument, type RunDocument, toRun } from "./mongo-runs.ts";
import type { Lease, MadeReport, NewRun, Records, RunChange } from "./records.ts";

const POOL_SIZE = 5;
const DAY_MS = 86_400_000;

interface NodeDocument {
	readonly _id: string;
	readonly actor: string;
	readonly node: string;
	readonly seenAt: Date;
}

interface SaltDocument {
	readonly _id: string;
	readonly salt: string;
	readonly expiresAt: Date;
}

interface TokenDocument {
	readonly _id: string;
	readonly expiresAt: Date;
}

/** Opens the records in the database that the address names; connects with the first operation. */
export async function openMongoRecords({ url }: { readonly url: string }): Promise<Records> {
	const records = new MongoRecords(createMongoClient({ url, maxPoolSize: POOL_SIZE }));
	// Away is no reason not to start: whoever asks will be told.
	await records.ping().catch(() => undefined);
	return records;
}

class MongoRecords implements Records {
	readonly #client: MongoClient;
	readonly #db: Db;
	/** The session of this process's changes under a lease, so that a next holder can end what it left open. */
	readonly #transactions: TransactionSession;
	#ready: Promise<void> | undefined;

	constructor(client: MongoClient) {
		this.#client = client;
		this.#db = client.db();
		this.#transactions = new TransactionSession(client);
	}

	heartbeat(actor: string, node: string, ttlMs: number): Promise<readonly string[]> {
		return this.#ask(async () => {
			const seen = { $set: { actor: { $literal: actor }, node: { $literal: node }, seenAt: "$$NOW" } };
			await this.#nodes.updateOne({ _id: `${actor}/${node}` }, [seen], { upsert: true });
			const live = { $expr: { $gt: ["$seenAt", { $subtract: ["$$NOW", ttlMs] }] } };
			const nodes = await this.#nodes.find({ actor, ...live }).toArray();
			return nodes.map((document) => document.node).sort();
		});
	}

	leave(actor: string, node: string): Promise<void> {
		return this.#ask(async () => void (await this.#nodes.deleteOne({ _id: `${actor}/${node}` })));
	}

	acquire(name: string, holder: string, ttlMs: number): Promise<Lease | null> {
		return this.#ask(() => acquireLease(this.#client, this.#leases, this.#session, { name, holder, ttlMs }));
	}

	release({ name, holder, fence }: Lease): Promise<void> {
		const given = { $set: { holder: "", expiresAt: new Date(0) } };
		return this.#ask(async () => void (await this.#leases.updateOne({ _id: name, holder, fence }, given)));
	}

	queueRun(run: NewRun): Promise<string> {
		return this.#ask(async () => {
			const update = [{ $replaceWith: newRunDocument(run) }];
			const filter = run.key === undefined ? { _id: run.id } : { key: run.key };
			const queue = () => this.#runs.findOneAndUpdate(filter, update, { upsert: true, returnDocument: "after" });
			const queued = await queue().catch((error) => {
				// Another process queued the same key in the same moment.
				if (isDuplicateKey(error)) return queue();
				throw error;
			});
			return queued?._id ?? run.id;
		});
	}

	nextRun(): Promise<JobRun | null> {
		const mayStart = { status: "queued" as const, $expr: { $lte: ["$notBefore", "$$NOW"] } };
		return this.#ask(async () => {
			const run = await this.#runs.findOne(mayStart, { sort: { queuedAt: 1, _id: 1 } });
			return run && toRun(run);
		});
	}

	changeRun(id: string, change: RunChange, lease: Lease): Promise<JobRun> {
		return this.#underLease(lease, async (session) => {
			const options = { session, returnDocument: "after" } as const;
			const run = await this.#runs.findOneAndUpdate({ _id: id }, fieldsOfChange(change), options);
			if (!run) throw new CodedError("not_found", `There is no run ${id}`);
			return toRun(run);
		});
	}

	keepReport(made: MadeReport, lease: Lease): Promise<boolean> {
		return this.#underLease(lease, (session) => keepReport(this.#reports, made, session));
	}

	reportPeriods(organisation: string, report: string): Promise<string[]> {
		return this.#ask(() => reportPeriods(this.#reports, organisation, report));
	}

	reportRuns(...query: Parameters<Records["reportRuns"]>): Promise<Page<ReportRun>> {
		return this.#ask(() => reportRuns(this.#reports, ...query));
	}

	reportFile(query: Parameters<Records["reportFile"]>[0]): ReturnType<Records["reportFile"]> {
		return this.#ask(() => reportFile(this.#reports, query));
	}

	reportFilesBeyond(...query: Parameters<Records["reportFilesBeyond"]>): Promise<string[]> {
		return this.#ask(() => reportFilesBeyond(this.#reports, ...query));
	}

	dropReportFiles(...[of, lease]: Parameters<Records["dropReportFiles"]>): Promise<void> {
		return this.#underLease(lease, (session) => dropReportFiles(this.#reports, of, session));
	}

	dropReports(organisation: string, report: string): Promise<void> {
		return this.#ask(async () => void (await this.#reports.deleteMany({ organisation, report })));
	}

	runs(job: string, page: number, pageSize: number): Promise<Page<JobRun>> {
		return this.#ask(async () => {
			const found = this.#runs.find({ job }).sort({ queuedAt: -1, _id: -1 });
			const rows = await found
				.skip((page - 1) * pageSize)
				.limit(pageSize)
				.toArray();
			return { rows: rows.map(toRun), total: await this.#runs.countDocuments({ job }), page, pageSize };
		});
	}

	runningRuns(): Promise<JobRun[]> {
		return this.#ask(async () => {
			const runs = await this.#runs.find({ status: "running" }).sort({ queuedAt: 1, _id: 1 }).toArray();
			return runs.map(toRun);
		});
	}

	salts(days: readonly string[]): Promise<Salt[]> {
		return this.#ask(async () => {
			for (const day of days) {
				const expiresAt = new Date(Date.parse(`${day}T00:00:00Z`) + DAY_MS + SALTS_LIVE_HOURS * 3_600_000);
				const made = { $setOnInsert: { salt: randomBytes(SALT_BYTES).toString("base64url"), expiresAt } };
				await this.#salts.updateOne({ _id: day }, made, { upsert: true }).catch((error) => {
					// Another process made it in the same moment.
					if (!isDuplicateKey(error)) throw error;
				});
			}
			await this.#salts.deleteMany({ $expr: { $lte: ["$expiresAt", "$$NOW"] } });
			const salts = await this.#salts.find({ _id: { $in: [...days] } }).toArray();
			const byDay = new Map(salts.map(({ _id: day, salt }) => [day, { day, salt }]));
			return days.flatMap((day) => byDay.get(day) ?? []);
		});
	}

	putToken(hash: string, expiresAt: number): Promise<void> {
		const token = { expiresAt: new Date(expiresAt) };
		return this.#ask(async () => void (await this.#tokens.replaceOne({ _id: hash }, token, { upsert: true })));
	}

	takeToken(hash: string): Promise<boolean> {
		const valid = { _id: hash, $expr: { $gt: ["$expiresAt", "$$NOW"] } };
		return this.#ask(async () => (await this.#tokens.findOneAndDelete(valid)) !== null);
	}

	claimOnce(name: string): Promise<boolean> {
		return this.#ask(async () => {
			try {
				await this.#db.collection<{ _id: string; at: Date }>("once").insertOne({ _id: name, at: new Date() });
				return true;
			} catch (error) {
				if (isDuplicateKey(error)) return false;
				throw error;
			}
		});
	}

	ping(): Promise<void> {
		return this.#ask(async () => void (await this.#db.command({ ping: 1 })));
	}

	async close(): Promise<void> {
		await this.#transactions.close().catch(() => undefined);
		await this.#client.close();
	}

	get #nodes() {
		return this.#db.collection<NodeDocument>("nodes");
	}

	get #leases() {
		return this.#db.collection<LeaseDocument>("leases");
	}

	get #runs() {
		return this.#db.collection<RunDocument>("jobs");
	}

	get #reports() {
		return this.#db.collection<ReportDocument>("report_runs");
	}

	get #salts() {
		return this.#db.collection<SaltDocument>("salts");
	}

	get #tokens() {
		return this.#db.collection<TokenDocument>("tokens");
	}

	get #session(): Binary {
		return this.#transactions.id;
	}

	/** One transaction of the lease's holder. */
	#underLease<T>({ name, holder, fence }: Lease, work: (session: ClientSession) => Promise<T>): Promise<T> {
		return this.#ask(() =>
			this.#transactions.run(
				async (session) => {
					// The lease is written, not only read: a holder that takes over meanwhile meets this transaction.
					const held = await this.#leases.updateOne({ _id: name, holder, fence }, { $inc: { writes: 1 } }, { session });
					if (held.matchedCount === 0)
						throw new CodedError("lease_lost", `${holder} does not hold the lease ${name} with fence ${fence}`);
					return work(session);
				},
				() => undefined,
			),
		);
	}

	async #ask<T>(question: () => Promise<T>): Promise<T> {
		try {
			this.#ready ??= this.#makeReady().catch((error) => {
				this.#ready = undefined;
				throw error;
			});
			await this.#ready;
			return await question();
		} catch (error) {
			throw storeError(error);
		}
	}

	/**
	 * Connects and makes the collections. The driver connects by itself, too, but only once: when that first time fails, each
	 * operation after it fails with a closed topology until `connect` is called again.
	 */
	async #makeReady(): Promise<void> {
		await this.#client.connect();
		await makeCollections(this.#db, RECORDS_PLANS);
	}
}
