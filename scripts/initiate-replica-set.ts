/*
 * Makes MongoDB's servers one replica set, and the users that work in it; run again, it changes nothing but passwords that
 * are new (the Job mongo-initiate in k8s/). With a key file it speaks as the servers do among themselves, because on
 * servers that ask for authentication and have no users yet nobody else may.
 */
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Db, MongoClient, type MongoClientOptions } from "mongodb";

const LOOK_MS = 1_000;
const ANSWER_MS = 5_000;
const DATABASE = "scanpulse";
const ALREADY_INITIALIZED = 23;
const NO_SUCH_USER = 11;

const ROLES: Readonly<Record<string, readonly { role: string; db: string }[]>> = {
	scanpulse: [
		{ role: "readWrite", db: DATABASE },
		{ role: "dbAdmin", db: DATABASE },
	],
};

const { values } = parseArgs({
	options: {
		set: { type: "string", default: "rs0" },
		members: { type: "string" },
		/** The servers' shared key; none when they ask for no authentication. */
		"key-file": { type: "string" },
		/** A folder with a file for each user, named like it, that holds its password. */
		users: { type: "string" },
		"most-seconds": { type: "string", default: "300" },
	},
});
const hosts = values.members?.split(",") ?? [];
if (hosts.length === 0) throw new Error("--members is missing: expected HOST:PORT, with commas between them");
const end = Date.now() + Number(values["most-seconds"]) * 1_000;

async function credentials(): Promise<MongoClientOptions> {
	const file = values["key-file"];
	if (file === undefined) return {};
	const password = (await readFile(file, "utf8")).replaceAll(/\s/g, "");
	return { auth: { username: "__system", password }, authSource: "local", authMechanism: "SCRAM-SHA-256" };
}

async function withAdmin<T>(url: string, login: MongoClientOptions, use: (admin: Db) => Promise<T>): Promise<T> {
	const client = new MongoClient(url, { ...login, serverSelectionTimeoutMS: ANSWER_MS, connectTimeoutMS: ANSWER_MS });
	try {
		return await use(client.db("admin"));
	} finally {
		await client.close();
	}
}

/** Initiates on the first server when no server belongs to a set; all must answer, so that no second set comes to be. */
async function initiate(login: MongoClientOptions): Promise<string> {
	const greetings = await Promise.all(
		hosts.map((host) =>
			withAdmin(`mongodb://${host}/?directConnection=true`, {}, (admin) => admin.command({ hello: 1 })),
		),
	);
	const member = greetings.find(({ setName }) => setName !== undefined);
	if (member) return `the servers are the replica set ${member.setName} already`;
	const config = { _id: values.set, members: hosts.map((host, _id) => ({ _id, host })) };
	await withAdmin(`mongodb://${hosts[0]}/?directConnection=true`, login, (admin) =>
		admin.command({ replSetInitiate: config }).catch((error: { code?: number }) => {
			if (error.code !== ALREADY_INITIALIZED) throw error;
		}),
	);
	return `the servers are now the replica set ${values.set}`;
}

async function setUsers(admin: Db, folder: string): Promise<string[]> {
	// A mounted Secret has links of its own beside the users' files.
	const users = (await readdir(folder)).filter((name) => Object.hasOwn(ROLES, name));
	for (const user of users) {
		const pwd = (await readFile(path.join(folder, user), "utf8")).trim();
		const roles = ROLES[user];
		await admin.command({ updateUser: user, pwd, roles }).catch((error: { code?: number }) => {
			if (error.code !== NO_SUCH_USER) throw error;
			return admin.command({ createUser: user, pwd, roles });
		});
	}
	return users;
}

/** Tries until the servers are there; a Job's pod often is before them. */
async function insist<T>(attempt: () => Promise<T>): Promise<T> {
	for (;;) {
		try {
			return await attempt();
		} catch (error) {
			if (Date.now() >= end) throw error;
			console.log(`not yet: ${(error as Error).message}`);
			await delay(LOOK_MS);
		}
	}
}

const login = await credentials();
console.log(await insist(() => initiate(login)));
const all = `mongodb://${hosts.join(",")}/?replicaSet=${values.set}`;
await insist(() =>
	withAdmin(all, login, async (admin) => {
		if (!(await admin.command({ hello: 1 })).isWritablePrimary) throw new Error("no primary has been elected");
		if (values.users !== undefined) console.log(`users: ${(await setUsers(admin, values.users)).join(", ")}`);
	}),
);
