/** Passwords are kept as scrypt hashes, each with its own salt and the parameters it was made with. */

import { randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";

/** 32 MiB and some 80 ms a try. */
const PARAMETERS = { N: 32_768, r: 8, p: 1 } as const;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

export interface PasswordHash {
	readonly algorithm: "scrypt";
	readonly N: number;
	readonly r: number;
	readonly p: number;
	/** base64 */
	readonly salt: string;
	readonly hash: string;
}

export async function hashPassword(password: string): Promise<PasswordHash> {
	const salt = randomBytes(SALT_BYTES);
	const hash = await derive(password, salt, PARAMETERS);
	return { algorithm: "scrypt", ...PARAMETERS, salt: salt.toString("base64"), hash: hash.toString("base64") };
}

/**
 * Whether a password is the one that was hashed. Without a hash it takes as long and is false, so that time does not
 * tell which members there are.
 */
export async function isPassword(password: string, kept: PasswordHash | undefined): Promise<boolean> {
	const { salt, hash, ...parameters } = kept ?? NOBODY;
	const derived = await derive(password, Buffer.from(salt, "base64"), parameters);
	return timingSafeEqual(derived, Buffer.from(hash, "base64")) && kept !== undefined;
}

const NOBODY: PasswordHash = {
	algorithm: "scrypt",
	...PARAMETERS,
	salt: Buffer.alloc(SALT_BYTES).toString("base64"),
	hash: Buffer.alloc(HASH_BYTES).toString("base64"),
};

function derive(password: string, salt: Buffer, { N, r, p }: Pick<PasswordHash, "N" | "r" | "p">): Promise<Buffer> {
	const options: ScryptOptions = { N, r, p, maxmem: 256 * N * r };
	return new Promise((resolve, reject) => {
		// The same letters can be typed in two forms of Unicode.
		scrypt(password.normalize("NFKC"), salt, HASH_BYTES, options, (error, hash) =>
			error ? reject(error) : resolve(hash),
		);
	});
}
