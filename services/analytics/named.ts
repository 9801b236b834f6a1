/** Names for rows of codes: the numbers are kept by id, and the codes actor knows what each is called. */

import type { BreakdownRow } from "../../contracts/analytics.ts";
import type { Dimension } from "../../contracts/scan.ts";
import { call } from "../../platform/actors.ts";

/** @param caller asks the codes; rows of another dimension are left as they are, and nobody is asked. */
export async function named(
	caller: object,
	organisation: string,
	by: Dimension,
	rows: BreakdownRow[],
): Promise<BreakdownRow[]> {
	if (by !== "code" || rows.length === 0) return rows;
	const names = await call(caller, "codes.names", { organisation, ids: rows.map(({ value }) => value) });
	return rows.map((row) => ({ ...row, name: names[row.value]?.name }));
}
