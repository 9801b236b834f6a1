/**
 * The tables of an embedded scan store, and the opening of its file. One writer, any number of readers: WAL lets them go
 * side by side, and each commit is synced before it is acknowledged.
 *
 * What the clustered store keeps per partition or month so that writers do not meet, one table holds here: `scans` with
 * a key over all months needs no table of clients' ids beside it, ledger and revisions need no partition.
 */

import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { BUCKET_DIMENSIONS } from "../../contracts/scan.ts";

const FORMAT = 4;
const BUSY_TIMEOUT_MS = 5000;
const CACHE_KIB = 64 * 1024;
/** Size to which the write-ahead log is cut when it begins anew: a long reading may have let it grow. */
const WAL_KEPT_BYTES = 64 * 1024 * 1024;

const SCHEMA = `
	CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

	CREATE TABLE partitions (
		partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, log TEXT, producer TEXT, number INTEGER,
		owner TEXT NOT NULL, claim INTEGER NOT NULL
	) STRICT;
	CREATE TABLE producers (
		partition INTEGER, producer TEXT, number INTEGER NOT NULL, at INTEGER NOT NULL,
		PRIMARY KEY (partition, producer)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE producer_totals (
		partition INTEGER, producer TEXT, organisation TEXT, total INTEGER NOT NULL,
		PRIMARY KEY (partition, producer, organisation)
	) STRICT, WITHOUT ROWID;

	-- Whom numbers are of: a code, or with an empty code its organisation.
	CREATE TABLE subjects (
		id INTEGER PRIMARY KEY, organisation TEXT NOT NULL, code TEXT NOT NULL, UNIQUE (organisation, code)
	) STRICT;

	-- organisation and code are subjects; seq is the order of commit.
	CREATE TABLE scans (
		seq INTEGER PRIMARY KEY, organisation INTEGER NOT NULL, code INTEGER NOT NULL, partition INTEGER NOT NULL,
		id TEXT NOT NULL, own INTEGER NOT NULL, slug TEXT NOT NULL, at INTEGER NOT NULL,
		bot INTEGER NOT NULL, first INTEGER NOT NULL, visitor TEXT, lat REAL, lon REAL,
		${BUCKET_DIMENSIONS.map((dimension) => `${dimension} TEXT`).join(", ")}
	) STRICT;
	CREATE UNIQUE INDEX scans_by_id ON scans (organisation, id);
	CREATE INDEX scans_by_time ON scans (organisation, at, bot, first);
	CREATE INDEX scans_by_code_and_time ON scans (code, at, bot, first);
	CREATE INDEX scans_by_commit ON scans (organisation);
	CREATE INDEX scans_by_code_and_commit ON scans (code);

	-- capped is a bit a dimension; bots are not in scans.
	CREATE TABLE quarters (
		subject INTEGER, at INTEGER, partition INTEGER,
		scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL, capped INTEGER NOT NULL DEFAULT 0,
		PRIMARY KEY (subject, at, partition)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE quarter_values (
		subject INTEGER, at INTEGER, partition INTEGER, dimension INTEGER, value TEXT,
		scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL,
		PRIMARY KEY (subject, at, partition, dimension, value)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE totals (
		subject INTEGER, partition INTEGER, first INTEGER NOT NULL,
		scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL,
		PRIMARY KEY (subject, partition)
	) STRICT, WITHOUT ROWID;

	-- In the order of their rowids, which is that of their expiry.
	CREATE TABLE visitors (
		subject INTEGER NOT NULL, day INTEGER NOT NULL, visitor TEXT NOT NULL, expires INTEGER NOT NULL,
		UNIQUE (subject, day, visitor)
	) STRICT;

	CREATE TABLE ledger (
		organisation TEXT, hour INTEGER, accepted INTEGER NOT NULL, stored INTEGER NOT NULL,
		duplicate INTEGER NOT NULL, missing INTEGER NOT NULL,
		PRIMARY KEY (organisation, hour)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE ledger_dropped (
		organisation TEXT, hour INTEGER, reason TEXT, n INTEGER NOT NULL, PRIMARY KEY (organisation, hour, reason)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE dead_letters (
		organisation TEXT, partition INTEGER NOT NULL, position INTEGER NOT NULL, reason TEXT NOT NULL,
		data BLOB NOT NULL, expires INTEGER NOT NULL
	) STRICT;

	-- Scans ever stored, bots included, by quarter hour: what a closed day has folded, and what was added since.
	CREATE TABLE revisions (
		subject INTEGER, at INTEGER, n INTEGER NOT NULL, PRIMARY KEY (subject, at)
	) STRICT, WITHOUT ROWID;
	-- hours: 24 times [scans, visitors, bots]; by_value: dimension, value, [scans, visitors, bots]; both JSON.
	CREATE TABLE days (
		subject INTEGER, date TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL,
		scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL,
		hours TEXT NOT NULL, by_value TEXT NOT NULL, revision INTEGER,
		PRIMARY KEY (subject, date)
	) STRICT, WITHOUT ROWID;
	CREATE TABLE leases (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`;

/** What came with the second format: months of raw scans that are dropped, and what was counted of them. */
const RETENTION = `
	CREATE TABLE closings (month TEXT PRIMARY KEY, state TEXT NOT NULL) STRICT, WITHOUT ROWID;
	CREATE TABLE carried (
		subject INTEGER, month TEXT, scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL,
		PRIMARY KEY (subject, month)
	) STRICT, WITHOUT ROWID;
`;

/**
 * What came with the third format: closed months, and of closed days their zone, the dimensions that a cap touched (bits)
 * and, of an organisation's, its codes by id. Days of earlier formats lack these, and are closed anew.
 */
const MONTHS = `
	ALTER TABLE days ADD COLUMN time_zone TEXT;
	ALTER TABLE days ADD COLUMN capped INTEGER;
	ALTER TABLE days ADD COLUMN codes TEXT;
	-- As days; hours: 168, of the week; days: [first instant, scans, visitors, bots], of a code only of those that have scans.
	CREATE TABLE months (
		subject INTEGER, month TEXT, start INTEGER NOT NULL, end INTEGER NOT NULL,
		scans INTEGER NOT NULL, visitors INTEGER NOT NULL, bots INTEGER NOT NULL,
		hours TEXT NOT NULL, by_value TEXT NOT NULL, revision INTEGER, time_zone TEXT, capped INTEGER, codes TEXT,
		days TEXT NOT NULL,
		PRIMARY KEY (subject, month)
	) STRICT, WITHOUT ROWID;
`;

/**
 * What came with the fourth format: what screens read of an organisation's closed days and months, and indexes that alone
 * tell which these are. What is not packed is closed anew.
 */
const PACKED = `
	-- name: date or month; part: a dimension, or quarters.
	CREATE TABLE packed (
		subject INTEGER NOT NULL, name TEXT NOT NULL, part TEXT NOT NULL, data BLOB NOT NULL, UNIQUE (subject, name, part)
	) STRICT;
	CREATE INDEX days_closed ON days (subject, start, end, date, time_zone, revision, scans, visitors, bots, capped)
		WHERE revision IS NOT NULL;
	CREATE INDEX months_closed ON months (subject, start, end, month, time_zone, revision, scans, visitors, bots, capped)
		WHERE revision IS NOT NULL;
`;

/** Opens the file for the one that writes, and makes or checks its tables. */
export function openForWriting(file: string): DatabaseSync {
	const database = new DatabaseSync(file, { timeout: BUSY_TIMEOUT_MS });
	try {
		// Checkpoints are the writer's own: SQLite would ignore their errors.
		database.exec(`
			PRAGMA journal_mode = WAL;
			PRAGMA synchronous = FULL;
			PRAGMA fullfsync = ON;
			PRAGMA checkpoint_fullfsync = ON;
			PRAGMA wal_autocheckpoint = 0;
			PRAGMA journal_size_limit = ${WAL_KEPT_BYTES};
			PRAGMA cache_size = -${CACHE_KIB};
			PRAGMA temp_store = MEMORY;`);
		database.exec("BEGIN IMMEDIATE");
		const { user_version: format } = database.prepare("PRAGMA user_version").get() as { user_version: number };
		if (format > FORMAT) throw new Error(`${file} has format ${format}, this release knows ${FORMAT}`);
		if (format === 0) {
			database.exec(SCHEMA);
			database.prepare("INSERT INTO meta VALUES ('epoch', ?)").run(randomUUID());
		}
		if (format < 2) database.exec(RETENTION);
		if (format < 3) database.exec(MONTHS);
		if (format < 4) database.exec(PACKED);
		if (format < FORMAT) database.exec(`PRAGMA user_version = ${FORMAT}`);
		database.exec("COMMIT");
		return database;
	} catch (error) {
		database.close();
		throw error;
	}
}

/** Opens the file, whose tables are there, for one that only reads. */
export function openForReading(file: string): DatabaseSync {
	const database = new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT_MS });
	database.exec(`PRAGMA cache_size = -${CACHE_KIB}; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;`);
	return database;
}
