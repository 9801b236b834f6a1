/*
 * What a safeguard is to `npm run safeguards`: something in the source that keeps scans from being lost or counted twice,
 * the smallest edit that takes it away, and the test that must then fail, with what that test says.
 */

/** A change of the source: `text` stands exactly once in the file. */
export interface Edit {
	/** From the repository's root. */
	readonly file: string;
	readonly text: string;
	readonly without: string;
}

/** A test that must fail for a reason, so that no crash is taken for proof. */
export interface Witness {
	/** The test's file, from the repository's root. */
	readonly file: string;
	/** Title of the test, without those of the groups around it. */
	readonly test: string;
	/** What the failure says; a part of its message. */
	readonly says: string;
}

/** How a safeguard is taken away in one of its implementations. */
export interface Removal {
	/** Whose, such as `SQLite`; `both` where implementations share it. */
	readonly of: string;
	/** What is taken away, in words. */
	readonly what: string;
	readonly edit: Edit;
	readonly witness: Witness;
}

export interface Safeguard {
	readonly name: string;
	/** What it keeps from happening. */
	readonly protects: string;
	readonly removals: readonly Removal[];
}
