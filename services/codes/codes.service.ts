/**
 * Owns the QR codes: where they lead, their rules, placements, images and history. It tells every gateway of each change
 * and counts nothing: that a code is used up it learns from those who count.
 */

import type { ServiceSchema } from "moleculer";
import { db } from "../../mixins/db.ts";
import { type ActionsOf, broadcast, call, type EventsOf } from "../../platform/actors.ts";
import type { Platform } from "../../platform/platform.ts";
import { CodeShelf } from "./code-shelf.ts";
import { CODE_COLLECTIONS } from "./collections.ts";
import { Images } from "./image/images.ts";
import { readStyle } from "./image/style.ts";
import { ScanLimits } from "./scan-limits.ts";
import { type CodeEdit, publicCode, routableCode, type StoredCode } from "./stored-code.ts";

/** How long an edit of `maxScans` waits for the count, ms; after it, the count last heard of must do. */
const COUNT_TIMEOUT_MS = 1_000;
/** Most codes in one answer of `routes`. */
const MOST_ROUTES = 1_000;
const MOST_NAMES = 10_000;
const MOST_ROWS = 200;

const id = "string|min:1|max:128";
const organisation = "string|min:1|max:128";
const by = "string|min:1|max:256";

export default function codes(platform: Platform): ServiceSchema {
	const stores = db(platform.config, CODE_COLLECTIONS);
	const images = new Images();
	const limits = new ScanLimits();
	let shelf: CodeShelf;
	/** Brings codes that were scanned unheard to their limit; undefined while none of this is under way. */
	let refreshing: Promise<void> | undefined;

	const actions: ActionsOf<"codes"> = {
		create: {
			params: { organisation, code: "object", by },
			async handler({ params }) {
				return publicCode(await shelf.create(params.organisation, params.code, params.by));
			},
		},
		get: {
			params: { organisation, id },
			async handler({ params }) {
				return publicCode(await shelf.get(params.organisation, params.id));
			},
		},
		list: {
			params: {
				organisation,
				search: "string|optional|max:2048",
				tag: "string|optional|max:200",
				active: "boolean|optional",
				page: "number|integer|min:1",
				pageSize: `number|integer|min:1|max:${MOST_ROWS}`,
				sort: "string|optional|max:64",
			},
			async handler({ params }) {
				const { rows, ...page } = await shelf.list(params);
				return { ...page, rows: rows.map(publicCode) };
			},
		},
		update: {
			params: { organisation, id, changes: "object", by },
			async handler({ params }) {
				return publicCode(await shelf.update(params.organisation, params.id, params.changes, params.by));
			},
		},
		remove: {
			params: { organisation, id, by },
			async handler({ params }) {
				await shelf.remove(params.organisation, params.id, params.by);
				return null;
			},
		},
		image: {
			params: { organisation, id, image: "object" },
			async handler({ params }) {
				const style = readStyle(params.image);
				const { slug } = await shelf.get(params.organisation, params.id);
				const place = style.placement === undefined ? "" : `/${style.placement}`;
				return images.of(`${platform.http.publicUrl()}/q/${slug}${place}`, style);
			},
		},
		resolve: {
			params: { slug: "string|min:1|max:64" },
			async handler({ params }) {
				const code = await shelf.bySlug(params.slug);
				return code && routableCode(code);
			},
		},
		route: {
			params: { organisation, reference: "string|min:1|max:128" },
			async handler({ params }) {
				const code = await shelf.byReference(params.organisation, params.reference);
				return code && routableCode(code);
			},
		},
		routes: {
			params: { after: "string|optional|max:128", since: "number|optional", limit: "number|integer|min:1" },
			handler: ({ params }) => shelf.routes(params.after, params.since, Math.min(params.limit, MOST_ROUTES)),
		},
		destinationEdits: {
			params: {
				organisation,
				codes: { type: "array", items: "string", max: MOST_NAMES, optional: true },
				...{ from: "string|max:64", to: "string|max:64" },
			},
			handler: ({ params }) => shelf.destinationEdits(params.organisation, params.codes, params.from, params.to),
		},
		names: {
			params: { organisation, ids: { type: "array", items: "string", max: MOST_NAMES } },
			handler: ({ params }) => shelf.names(params.organisation, params.ids),
		},
	};

	const events: EventsOf = {
		"codes.changed": { handler: ({ params }) => limits.watch(params.code) },
		"scans.committed": {
			async handler({ params }) {
				const reached = limits.reachedBy(params);
				await Promise.all(reached.map(({ code, scans }) => shelf.countedTo(code, scans))).catch(() => limits.missed());
			},
		},
		"scans.position": {
			handler({ params }) {
				limits.heardOf(params);
				if (!limits.stale || refreshing) return;
				limits.refreshed();
				refreshing = refreshLimits(shelf, limits, (code) => countOf(this.broker, code)).finally(() => {
					refreshing = undefined;
				});
			},
		},
	};

	return {
		name: "codes",
		mixins: [stores.mixin],
		actions,
		events,
		created() {
			shelf = new CodeShelf({
				codes: stores.of<StoredCode>("codes"),
				history: stores.of<CodeEdit>("code_history"),
				allowPrivate: platform.config.allowPrivateDestinations,
				countOf: (code) => countOf(this.broker, code).catch(() => undefined),
				onChange: (code) => broadcast(this.broker, "codes.changed", { code: routableCode(code) }),
				onTrouble: (error) => this.logger.warn("An edit will be copied to the history later:", error),
			});
		},
		async stopped() {
			await refreshing;
			await images.close();
		},
	};
}

/** The scans counted of a code so far, from those who count. */
async function countOf(broker: object, { organisation, id }: StoredCode): Promise<number> {
	const reading = await call(
		broker,
		"analytics.state",
		{ organisation, code: id },
		{ timeout: COUNT_TIMEOUT_MS, retries: 0 },
	);
	return reading.state.total.scans;
}

/** Watches every code with a limit and catches up with what was counted unheard; tried again later where it fails. */
async function refreshLimits(
	shelf: CodeShelf,
	limits: ScanLimits,
	count: (code: StoredCode) => Promise<number>,
): Promise<void> {
	try {
		const limited = await shelf.limited();
		for (const code of limited) limits.watch(routableCode(code));
		for (const code of limited) await shelf.countedTo(code.id, await count(code));
	} catch {
		limits.missed();
	}
}
