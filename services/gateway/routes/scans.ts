/** Scans that other software sends. 202 means durable; everything that can refuse a scan is checked before. */

import { z } from "zod";
import { CodedError, codeOf } from "../../../contracts/errors.ts";
import type { AcceptedScan } from "../../../contracts/scan.ts";
import type { GatewayParts } from "../parts.ts";
import { type Route, route } from "../route.ts";
import { rawScan, type ScanInput, scanInput, wrongTime } from "../scan-input.ts";
import { notValid, parseBody } from "../validate.ts";

const BATCH_BYTES = 4 * 1024 * 1024;
const MAX_BATCH = 1_000;
const SALTS_RETRY_MS = 1_000;

const SCANS = `a list of 1–${MAX_BATCH} scans`;

export const scanRoutes: readonly Route[] = [
	route({
		method: "POST",
		path: "/api/v1/scans",
		access: "scans:write",
		summary: "Record a scan",
		description: "422 `unknown_code` when there is no such code. An `id` sent again is one scan.",
		success: { status: 202, description: "The scan is durable" },
		limit: "scans",
		direct: true,
		body: scanInput,
		async respond({ organisation, body }, parts) {
			const scan = await acceptable(body, organisation, parts);
			await parts.ingest.accept([scan]);
			return { status: 202, body: { id: scan.id } };
		},
	}),
	route({
		method: "POST",
		path: "/api/v1/scans/batch",
		access: "scans:write",
		summary: `Record up to ${MAX_BATCH} scans`,
		description: "Items that cannot be accepted are in `rejected` by their index; all others are durable.",
		success: { status: 202, description: "What was accepted is durable" },
		limit: "scans",
		direct: true,
		bodyLimit: BATCH_BYTES,
		body: z.strictObject({
			// Looked at one by one, so that one bad item does not refuse the others; the description shows a scan's fields.
			scans: z
				.array(z.unknown().meta({ $ref: "#/components/schemas/Scan" }), SCANS)
				.min(1, SCANS)
				.max(MAX_BATCH, SCANS),
		}),
		cost: ({ scans }) => scans.length,
		async respond({ organisation, body }, parts) {
			const outcomes = await Promise.all(body.scans.map((item) => outcomeOf(item, organisation, parts)));
			const scans = outcomes.filter((outcome) => "id" in outcome);
			await parts.ingest.accept(scans);
			const rejected = outcomes.flatMap((outcome, index) => ("id" in outcome ? [] : [{ index, ...outcome }]));
			return { status: 202, body: { accepted: scans.length, ids: scans.map(({ id }) => id), rejected } };
		},
	}),
];

/** An item of a batch: the scan, or why it is rejected. @throws what says nothing about the item, such as `unavailable`. */
async function outcomeOf(
	item: unknown,
	organisation: string,
	parts: GatewayParts,
): Promise<AcceptedScan | { code: string; detail: string }> {
	try {
		return await acceptable(parseBody(scanInput, item), organisation, parts);
	} catch (error) {
		const code = codeOf(error);
		if (code !== "invalid" && code !== "unknown_code") throw error;
		return { code, detail: (error as Error).message };
	}
}

async function acceptable(input: ScanInput, organisation: string, parts: GatewayParts): Promise<AcceptedScan> {
	const now = Date.now();
	const wrong = wrongTime(input.at, now, parts.config.retentionDays);
	if (wrong) throw notValid([{ path: "at", message: wrong }]);
	const code = await parts.codes.route(organisation, input.code);
	if (!code || code.deleted) {
		const message = `expected the id or slug of a code, got ${JSON.stringify(input.code)}`;
		throw new CodedError("unknown_code", `code: ${message}`, { errors: [{ path: "code", message }] });
	}
	if (!parts.enricher.knowsVisitors) {
		throw new CodedError("unavailable", "Visitors cannot be told apart yet", { retryAfterMs: SALTS_RETRY_MS });
	}
	return parts.enricher.enrich(code, rawScan(input, now));
}
