/** Names of time zones. */

/** The name in its own spelling when it is one of IANA's, else undefined; offsets such as `+05:30` are none. */
export function timeZoneId(name: string): string | undefined {
	if (!/^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/.test(name)) return undefined;
	try {
		return Temporal.Instant.fromEpochMilliseconds(0).toZonedDateTimeISO(name).timeZoneId;
	} catch {
		return undefined;
	}
}
