/** Closing hours, local days and months as the clock does, in any time zone. */

import { hoursOfDay, localDay } from "../../../platform/calendar.ts";
import type { Closable, ScanStore } from "../../../platform/store/scan-store.ts";

export class Closing {
	readonly #store: ScanStore;
	readonly #of: { readonly organisation: string; readonly timeZone: string };

	constructor(store: ScanStore, organisation = "acme", timeZone = "UTC") {
		this.#store = store;
		this.#of = { organisation, timeZone };
	}

	day(date: string) {
		const { start, end } = this.#day(date);
		const lease = { name: "cron", fence: 1 };
		return this.#store.closeDay({
			...{ ...this.#of, date, end, lease },
			hours: hoursOfDay(start, end, this.#of.timeZone),
		});
	}

	month(month: string) {
		const days = datesOf(month).map((date) => this.#day(date));
		return this.#store.closeMonth({ ...this.#of, month, days, lease: { name: "cron", fence: 1 } });
	}

	/** All of its days, and it. */
	async wholeMonth(month: string) {
		for (const date of datesOf(month)) await this.day(date);
		return this.month(month);
	}

	/** Hours of `[from, to)`, epoch ms, however few scans they have. */
	hours(from: number, to: number) {
		const { organisation } = this.#of;
		return this.#store.closeHours({ organisation, from, to, fewest: 0, lease: { name: "cron", fence: 1 } });
	}

	isClosed(name: string): Promise<boolean> {
		const dates = name.length === 7 ? datesOf(name) : [name];
		const { start } = this.#day(dates[0] as string);
		const { end } = this.#day(dates.at(-1) as string);
		const kind: Closable["kind"] = name.length === 7 ? "month" : "day";
		return this.#store.isClosed({ ...this.#of, kind, name, start, end });
	}

	#day(date: string) {
		return localDay(Temporal.PlainDate.from(date), this.#of.timeZone);
	}
}

function datesOf(month: string): string[] {
	const first = Temporal.PlainYearMonth.from(month);
	return Array.from({ length: first.daysInMonth }, (_, day) => first.toPlainDate({ day: day + 1 }).toString());
}
