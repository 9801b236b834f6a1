/**
 * The first half of `ingest`: which messages of a partition were not applied yet, and what their producers say was
 * accepted. Pure, and shared by both stores: they give it what they remember of the partition's producers, inside their
 * transaction, and write back what it answers. What happens to the scans is the other half, `fold`.
 */

import type { Position } from "../../contracts/events.ts";
import type { AcceptedScan } from "../../contracts/scan.ts";
import type { ScanMessage } from "../log/message.ts";
import { firstInstant, HOUR_MS } from "./quarters.ts";
import type { IngestPart, MessageIdentity } from "./scan-store.ts";

/** What a partition remembers of a producer. */
export interface ProducerMemory {
	/** Number of its last message applied. */
	readonly number: number;
	/** Its running totals of accepted scans, by organisation. */
	readonly totals: Readonly<Record<string, number>>;
	/** When its last message was applied, epoch ms. */
	readonly at: number;
}

export interface ProducerChange extends ProducerMemory {
	readonly producer: string;
	/** Those of its `totals` that are new. */
	readonly changed: Readonly<Record<string, number>>;
}

/** A scan of a message that was not applied yet; whether it is stored, `fold` decides. */
export interface Candidate {
	readonly scan: AcceptedScan;
	/** First instant of the hour in which it was accepted, epoch ms. */
	readonly hour: number;
	readonly position: Position;
}

/** What the producers say about an organisation and an hour of acceptance: growth of the running totals. */
export interface Acceptance {
	readonly organisation: string;
	/** First instant of the hour, epoch ms. */
	readonly hour: number;
	accepted: number;
	/** Of those, scans whose message never came. */
	missing: number;
}

export interface DeadLetter {
	readonly partition: number;
	readonly position: Position;
	/** Absent when it cannot be told. */
	readonly organisation?: string;
	readonly reason: string;
	readonly data: Uint8Array;
}

export interface Sequenced {
	readonly part: IngestPart;
	/** Position to write: that of the last message read. */
	readonly to: Position;
	/** Identity of the message at `to`; undefined when nothing was read, so that the one stored stands. */
	readonly identity?: MessageIdentity;
	readonly producers: readonly ProducerChange[];
	readonly candidates: readonly Candidate[];
	readonly acceptances: readonly Acceptance[];
	readonly malformed: readonly DeadLetter[];
}

interface Touched {
	number: number;
	totals: Record<string, number>;
	changed: Record<string, number>;
}

/**
 * Decides message by message: applied already (number not above the producer's last: skipped whole), next, or a jump.
 * Whether a message follows directly or not, an organisation's growth beyond the message's own scans was in messages
 * that did not come: a hole shows itself with the next message that has scans of that organisation. A producer never
 * seen before begins at total 0.
 *
 * @param remembered memory of the partition's producers as of `part.from`
 * @param now epoch ms
 * @see https://cwiki.apache.org/confluence/display/KAFKA/KIP-98 for sequence numbers of idempotent producers
 */
export function sequence(
	part: IngestPart,
	remembered: (producer: string) => ProducerMemory | undefined,
	now: number,
): Sequenced {
	const touched = new Map<string, Touched>();
	const acceptances = new Map<string, Acceptance>();
	const candidates: Candidate[] = [];
	const malformed: DeadLetter[] = [];

	for (const read of part.messages) {
		if (read.kind === "malformed") {
			const { position, reason, data } = read;
			malformed.push({ partition: part.partition, position, reason, data });
			continue;
		}
		const { message, position } = read;
		const known = touched.get(message.producer) ?? recall(remembered(message.producer));
		if (message.number <= known.number) continue;
		touched.set(message.producer, known);
		known.number = message.number;

		const hour = firstInstant(message.acceptedAt, HOUR_MS);
		for (const [organisation, scans] of scansByOrganisation(message)) {
			const before = Object.hasOwn(known.totals, organisation) ? (known.totals[organisation] as number) : 0;
			const after = Object.hasOwn(message.totals, organisation) ? (message.totals[organisation] as number) : 0;
			const missing = Math.max(0, after - before - scans);
			const total = before + scans + missing;
			own(known.totals, organisation, total);
			own(known.changed, organisation, total);
			accept(acceptances, organisation, hour, scans, missing);
		}
		for (const scan of message.scans) candidates.push({ scan, hour, position });
	}

	const last = part.messages.at(-1);
	return {
		part,
		to: last?.position ?? part.from,
		identity: last && identityOf(part.log, last),
		producers: [...touched].map(([producer, change]) => ({ producer, ...change, at: now })),
		candidates,
		acceptances: [...acceptances.values()],
		malformed,
	};
}

/** How a message is known at its position; a malformed one has no producer, and number 0. */
export function identityOf(log: string, read: IngestPart["messages"][number]): MessageIdentity {
	if (read.kind === "malformed") return { log, producer: "", number: 0 };
	return { log, producer: read.message.producer, number: read.message.number };
}

function recall(memory: ProducerMemory | undefined): Touched {
	return { number: memory?.number ?? 0, totals: { ...memory?.totals }, changed: {} };
}

/** Scans by organisation, organisations that only the totals name included. */
function scansByOrganisation(message: ScanMessage): Map<string, number> {
	const scans = new Map<string, number>();
	for (const organisation of Object.keys(message.totals)) scans.set(organisation, 0);
	for (const scan of message.scans) {
		// A scan that is none is dropped later; its count must not be lost here.
		const organisation = String(scan.organisation);
		scans.set(organisation, (scans.get(organisation) ?? 0) + 1);
	}
	return scans;
}

function accept(
	acceptances: Map<string, Acceptance>,
	organisation: string,
	hour: number,
	scans: number,
	missing: number,
): void {
	const key = `${hour} ${organisation}`;
	let acceptance = acceptances.get(key);
	if (!acceptance) {
		acceptance = { organisation, hour, accepted: 0, missing: 0 };
		acceptances.set(key, acceptance);
	}
	acceptance.accepted += scans + missing;
	acceptance.missing += missing;
}

/** Sets an own property whatever its name: plain assignment to `__proto__` would not. */
function own(record: Record<string, number>, key: string, value: number): void {
	Object.defineProperty(record, key, { value, writable: true, enumerable: true, configurable: true });
}
