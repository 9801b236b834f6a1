import { MongoNetworkError, MongoServerError } from "mongodb";
import { expect, test } from "vitest";
import { CodedError, codeOf } from "../../contracts/errors.ts";
import { storeError } from "../../platform/store/mongo-errors.ts";

test.each([
	["a connection that broke", new MongoNetworkError("connection closed")],
	[
		"a transaction that another one ended, or that met others for too long",
		new MongoServerError({ message: "has been aborted", code: 251, errorLabels: ["TransientTransactionError"] }),
	],
	[
		"a commit of which nobody knows the end",
		new MongoServerError({ message: "?", code: 64, errorLabels: ["UnknownTransactionCommitResult"] }),
	],
])("%s is a store that is asked again later, never a scan that cannot be stored", (_, error) => {
	expect(codeOf(storeError(error))).toBe("unavailable");
});

test("what would fail again stays what it is", () => {
	const invalid = new MongoServerError({ message: "Document failed validation", code: 121 });
	expect(storeError(invalid)).toBe(invalid);
	const lost = new CodedError("claim_lost", "another owner");
	expect(storeError(lost)).toBe(lost);
});
