/*
 * What the numbers must be, counted the slow way: every question is answered by going through all scans one by one, and
 * every bucket of a series is found by looking at each quarter hour's local time.
 */

export interface Counted {
	readonly code: string;
	/** Epoch ms. */
	readonly at: number;
	readonly bot: boolean;
	readonly first: boolean;
	/** Value by dimension; absent ones are `(none)`. */
	readonly values: Readonly<Record<string, string | undefined>>;
}

export interface Question {
	readonly codes?: readonly string[];
	/** Epoch ms, `[from, to)`. */
	readonly from: number;
	readonly to: number;
	readonly bots?: boolean;
	readonly filters?: Readonly<Record<string, readonly string[]>>;
}

export const INTERVALS = ["quarter", "hour", "day", "week", "month"] as const;
export type Interval = (typeof INTERVALS)[number];

const QUARTER_MS = 15 * 60_000;
const LONGEST_BUCKET_MS = 32 * 86_400_000;

const groupOf = (scan: Counted, dimension: string) =>
	dimension === "code" ? scan.code : (scan.values[dimension] ?? "(none)");

/** The scans that a question is about, bots among them. */
function selected(scans: readonly Counted[], { codes, from, to, filters = {} }: Question): Counted[] {
	return scans.filter(
		(scan) =>
			scan.at >= from &&
			scan.at < to &&
			(codes === undefined || codes.includes(scan.code)) &&
			Object.entries(filters).every(([dimension, values]) => values.includes(groupOf(scan, dimension))),
	);
}

const counts = (scans: readonly Counted[], bots = false) => ({
	scans: scans.filter(({ bot }) => bots || !bot).length,
	visitors: scans.filter(({ first }) => first).length,
});

export function summaryOf(scans: readonly Counted[], question: Question) {
	const found = selected(scans, question);
	return { ...counts(found, question.bots), bots: found.filter(({ bot }) => bot).length };
}

export function breakdownOf(scans: readonly Counted[], question: Question, by: string, limit: number) {
	const groups = Map.groupBy(selected(scans, question), (scan) => groupOf(scan, by));
	const all = [...groups]
		.map(([value, group]) => ({ value, ...counts(group, question.bots) }))
		.filter((row) => row.scans > 0)
		.toSorted((a, b) => b.scans - a.scans || (a.value < b.value ? -1 : 1));
	const total = all.reduce((sum, row) => sum + row.scans, 0);
	const rows = all.slice(0, limit);
	return { rows, other: total - rows.reduce((sum, row) => sum + row.scans, 0), total };
}

export function seriesOf(scans: readonly Counted[], question: Question, interval: Interval, tz: string) {
	const found = selected(scans, question);
	return buckets(question, interval, tz).map(({ start, end }) => ({
		at: new Date(start).toISOString(),
		...counts(
			found.filter(({ at }) => at >= start && at < end),
			question.bots,
		),
	}));
}

/** All hours of the week, Monday's first. */
export function heatOf(scans: readonly Counted[], question: Question, tz: string) {
	const found = Map.groupBy(selected(scans, question), ({ at }) => {
		const { dayOfWeek, hour } = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz);
		return `${dayOfWeek} ${hour}`;
	});
	return Array.from({ length: 7 * 24 }, (_, n) => {
		const [weekday, hour] = [Math.floor(n / 24) + 1, n % 24];
		return { weekday, hour, scans: counts(found.get(`${weekday} ${hour}`) ?? [], question.bots).scans };
	});
}

/** Every bucket that touches the range, none when that is empty: quarter hours that have the same local name follow each other. */
function buckets({ from, to }: Question, interval: Interval, tz: string): { start: number; end: number }[] {
	const found: { start: number; end: number; name: string }[] = [];
	if (from >= to) return found;
	const begin = Math.floor((from - LONGEST_BUCKET_MS) / QUARTER_MS) * QUARTER_MS;
	for (let at = begin; at < to; at += QUARTER_MS) {
		const name = nameOf(at, interval, tz);
		const last = found.at(-1);
		if (last?.name === name) last.end = at + QUARTER_MS;
		else found.push({ start: at, end: at + QUARTER_MS, name });
	}
	return found.filter(({ end }) => end > from);
}

function nameOf(at: number, interval: Interval, tz: string): string {
	if (interval === "quarter") return String(at);
	const local = Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(tz);
	if (interval === "hour") return `${local.toPlainDate()} ${local.hour} ${local.offset}`;
	if (interval === "day") return String(local.toPlainDate());
	if (interval === "week") return String(local.toPlainDate().subtract({ days: local.dayOfWeek - 1 }));
	return local.toPlainDate().toString().slice(0, 7);
}

/** The first instant of a local date, epoch ms. */
export function startOf(date: string, tz: string): number {
	return Temporal.PlainDate.from(date).toZonedDateTime({ timeZone: tz }).epochMilliseconds;
}

/** Numbers from 0 to 1 that are the same in every run. */
export function dice(seed: number): () => number {
	let state = seed;
	return () => {
		state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
		return state / 2 ** 32;
	};
}
