/*
 * A gateway of a simulation: an event loop that takes requests, and for each partition a lane that gathers scans while a
 * message is in flight (the product's ingest buffer). A request is answered when its scan is durable.
 */
import type { Clock } from "./clock.ts";
import { Station } from "./station.ts";
import type { ServiceTimes } from "./times.ts";

/** Most scans of one message. */
const MESSAGE_SCANS = 1_000;
/** After a message of so many scans the lane's next begins no sooner than so long after it. */
const PACED_SCANS = 8;
const PACE_US = 1_000;

export interface Scan {
	readonly partition: number;
	/** When the request came, µs. */
	readonly at: number;
	/** Called when it is durable. */
	readonly answered?: () => void;
}

interface Lane {
	gathered: Scan[];
	busy: boolean;
}

export interface GatewayOptions {
	readonly clock: Clock;
	readonly times: ServiceTimes;
	readonly partitions: number;
	/** The part of a core that it has. */
	readonly part: number;
	/** The event log, which all gateways share. */
	readonly log: Station;
	/** Told of each message that is durable. */
	onMessage(partition: number, scans: readonly Scan[]): void;
}

export class Gateway {
	readonly loop: Station;
	readonly #options: GatewayOptions;
	readonly #lanes: Lane[];

	constructor(options: GatewayOptions) {
		this.#options = options;
		this.loop = new Station(options.clock, { part: options.part });
		this.#lanes = Array.from({ length: options.partitions }, () => ({ gathered: [], busy: false }));
	}

	/** A request with one scan. */
	request(scan: Scan): void {
		this.loop.work(this.#options.times.gatewayUs, () => {
			const lane = this.#lanes[scan.partition] as Lane;
			lane.gathered.push(scan);
			if (!lane.busy) this.#send(scan.partition, lane);
		});
	}

	#send(partition: number, lane: Lane): void {
		const { clock, log, times, onMessage } = this.#options;
		const scans = lane.gathered.splice(0, MESSAGE_SCANS);
		const begun = clock.now;
		lane.busy = true;
		log.work(times.logMessageUs + times.logScanUs * scans.length, () => {
			onMessage(partition, scans);
			clock.after(times.logDelayUs, () => {
				for (const { answered } of scans) answered?.();
				const pause = scans.length >= PACED_SCANS ? Math.max(0, begun + PACE_US - clock.now) : 0;
				clock.after(pause, () => {
					lane.busy = false;
					if (lane.gathered.length > 0) this.#send(partition, lane);
				});
			});
		});
	}
}
