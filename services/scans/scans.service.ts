/**
 * Reads the event log, dedupes, counts, commits and announces. Owners of partitions agree through the store; nothing
 * that this actor knows is lost with its process.
 */

import type { Service, ServiceMethods, ServiceSchema, ServiceSettingSchema } from "moleculer";
import { Gauge, Histogram } from "prom-client";
import type { LogStatus } from "../../contracts/events.ts";
import { type ActionsOf, broadcast, type EventsOf } from "../../platform/actors.ts";
import type { EventLog } from "../../platform/log/event-log.ts";
import type { Platform } from "../../platform/platform.ts";
import type { Records } from "../../platform/records/records.ts";
import type { IngestedPart, PartitionState, ScanStore } from "../../platform/store/scan-store.ts";
import { announcements } from "./announcement.ts";
import { Committer } from "./committer.ts";
import { PartitionOwner } from "./partition-owner.ts";
import { share } from "./share.ts";

/** How often a node says that it lives and looks whom the partitions belong to, ms. */
const BEAT_MS = 500;
/**
 * A node that said nothing for so long no longer shares the partitions, ms. With the beat in which another notices and
 * the end of a session that the dead one left open, counting goes on within 5 s.
 */
const NODE_TTL_MS = 3_000;
/** How often is told where the partitions stand, and how often the log is trimmed, in beats. */
const BEATS_PER_TELL = 2;
const BEATS_PER_TRIM = 20;

const COMMIT_BUCKETS_S = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

interface State {
	log: EventLog;
	store: ScanStore;
	records: Records;
	epoch: string;
	owners: Map<number, PartitionOwner>;
	committer: Committer;
	beats: number;
	/** Partitions that hold messages of a newer release: this process leaves them alone until it is upgraded. */
	unreadable: Set<number>;
	/** Set when there are such and another node that may read them: this process counts no more. */
	outdated: boolean;
	stopping: boolean;
	beating: Promise<void>;
	/** Of the next beat; undefined during one. */
	timer: NodeJS.Timeout | undefined;
	/** The next beat follows the one under way at once. */
	hurried: boolean;
}

type Methods = {
	beat(): Promise<void>;
	own(partitions: readonly number[]): Promise<void>;
	makeRoom(): Promise<void>;
	tell(states: readonly PartitionState[], ends: ReadonlyMap<number, number>): void;
	trim(states: readonly PartitionState[], ends: ReadonlyMap<number, number>): Promise<void>;
	announce(parts: readonly IngestedPart[]): void;
	schedule(delayMs: number): void;
	leave(): Promise<void>;
	hurry(): void;
};

type This = Service & State & Methods;

export default function scans(platform: Platform): ServiceSchema<ServiceSettingSchema, Methods, State> {
	const lag = new Gauge({
		name: "scanpulse_consumer_lag",
		help: "Positions of the event log from what was applied of a partition to its end, 0 when all was",
		labelNames: ["partition"],
		registers: [platform.metrics],
	});
	const behind = new Gauge({
		name: "scanpulse_consumer_behind_seconds",
		help: "How long the oldest message of a partition has waited to be applied",
		labelNames: ["partition"],
		registers: [platform.metrics],
	});
	const commits = new Histogram({
		name: "scanpulse_commit_seconds",
		help: "Time of one transaction that counts scans",
		buckets: COMMIT_BUCKETS_S,
		registers: [platform.metrics],
	});

	const actions: ActionsOf<"scans", This> = {
		status: {
			async handler() {
				const ends = await this.log.ends();
				return ends.flatMap(({ partition, position: logEnd }): LogStatus[] => {
					const owner = this.owners.get(partition);
					if (owner?.applied === undefined) return [];
					const behindMs = owner.behindMs(logEnd, Date.now());
					return [{ partition, node: this.broker.nodeID, position: owner.applied, logEnd, behindMs }];
				});
			},
		},
	};

	const events: EventsOf<This> = {
		"accounts.changed": {
			async handler({ params }) {
				// Today is another day now: what screens hold cannot go on. One node says so.
				if (params.timeZone !== undefined && this.owners?.has(0)) this.epoch = await this.store.renewEpoch();
			},
		},
		"scans.left": {
			handler({ params }) {
				if (params.node !== platform.member) this.hurry();
			},
		},
	};

	const methods: ServiceMethods & Methods & ThisType<This> = {
		/** One beat: live nodes → whom the partitions belong to → where they stand, told to everybody. */
		async beat() {
			// Known before anything is committed, so that no announcement goes without it.
			this.epoch = await this.store.epoch();
			if (!this.outdated) {
				const nodes = await this.records.heartbeat("scans", platform.member, NODE_TTL_MS);
				if (this.unreadable.size > 0 && nodes.length > 1) await this.makeRoom();
				else await this.own(share(nodes, platform.member, this.log.partitions));
			}
			const beat = this.beats++;
			if (beat % BEATS_PER_TELL !== 0) return;
			const [states, ends] = await Promise.all([this.store.partitions(), this.log.ends()]);
			const byPartition = new Map(ends.map(({ partition, position }) => [partition, position]));
			this.tell(states, byPartition);
			if (beat % BEATS_PER_TRIM === BEATS_PER_TRIM - BEATS_PER_TELL) await this.trim(states, byPartition);
		},

		async own(partitions) {
			const given = [...this.owners.values()].filter((owner) => !partitions.includes(owner.partition));
			for (const owner of given) this.owners.delete(owner.partition);
			await Promise.all(given.map((owner) => owner.stop()));
			for (const partition of partitions) {
				if (this.owners.has(partition) || this.unreadable.has(partition)) continue;
				this.logger.info(`Counting partition ${partition}`);
				const owner = new PartitionOwner({
					partition,
					owner: platform.member,
					log: this.log,
					store: this.store,
					onRead: () => this.committer.wake(),
					onNewEpoch: (epoch) => {
						this.logger.warn(
							`The event log lost what partition ${partition} had applied: reading it from its first message`,
						);
						this.epoch = epoch;
					},
					onNewer: (version) => {
						this.unreadable.add(partition);
						this.logger.error(
							`Partition ${partition} holds messages of version ${version}: upgrade this process. It leaves them alone.`,
						);
						this.own([...this.owners.keys()].filter((owned) => owned !== partition)).catch(reportTo(this));
					},
					onTrouble: reportTo(this),
				});
				this.owners.set(partition, owner);
			}
		},

		/** Another node may be upgraded already: it takes over everything. While there is none, this one counts what it can. */
		async makeRoom() {
			this.outdated = true;
			await this.own([]);
			await this.leave();
		},

		/** Only what the store itself confirms is told: a screen that hears nothing shows that it is not live. */
		tell(states, ends) {
			const at = Date.now();
			lag.reset();
			behind.reset();
			for (const { partition, position, claim } of states) {
				const owner = this.owners.get(partition);
				if (!owner || owner.claim === undefined) continue;
				if (owner.claim !== claim) {
					owner.restart();
					continue;
				}
				const logEnd = ends.get(partition) ?? 0;
				const behindMs = owner.behindMs(logEnd, at);
				lag.set({ partition }, Math.max(0, logEnd - position));
				behind.set({ partition }, behindMs / 1_000);
				broadcast(this.broker, "scans.position", { epoch: this.epoch, partition, position, logEnd, behindMs, at });
			}
		},

		/** One node trims, below what every partition has applied; a partition that nobody has read yet keeps everything. */
		async trim(states, ends) {
			if (!this.owners.has(0)) return;
			const applied = new Map(states.map(({ partition, position }) => [partition, position]));
			const used = [...ends].filter(([, end]) => end > 0).map(([partition]) => applied.get(partition) ?? 0);
			const lowest = Math.min(...used);
			if (used.length > 0 && lowest > 1) await this.log.trim(lowest - 1);
		},

		announce(parts) {
			const at = Date.now();
			for (const part of parts) {
				for (const announcement of announcements(part, this.epoch, at)) {
					broadcast(this.broker, "scans.committed", announcement);
				}
			}
		},

		schedule(delayMs) {
			this.timer = setTimeout(() => {
				this.timer = undefined;
				this.hurried = false;
				this.beating = this.beat()
					.catch(reportTo(this))
					.then(() => {
						if (!this.stopping) this.schedule(this.hurried ? 0 : BEAT_MS);
					});
			}, delayMs);
		},

		/** Others take over at once instead of waiting until this node is silent for long enough. */
		async leave() {
			await this.records?.leave("scans", platform.member);
			broadcast(this.broker, "scans.left", { node: platform.member });
		},

		/** Somebody left in order: looks now instead of at the next beat. */
		hurry() {
			this.hurried = true;
			if (this.timer === undefined || this.stopping) return;
			clearTimeout(this.timer);
			this.schedule(0);
		},
	};

	return {
		name: "scans",
		actions,
		events,
		methods,

		async started() {
			[this.log, this.store, this.records] = await Promise.all([platform.log(), platform.store(), platform.records()]);
			this.owners = new Map();
			this.beats = 0;
			this.unreadable = new Set();
			this.outdated = false;
			this.stopping = false;
			this.hurried = false;
			this.beating = Promise.resolve();
			this.committer = new Committer({
				store: this.store,
				owners: () => [...this.owners.values()],
				onCommitted: (parts, seconds) => {
					commits.observe(seconds);
					this.announce(parts);
				},
				onTrouble: reportTo(this),
			});
			this.schedule(0);
		},

		async stopped() {
			this.stopping = true;
			clearTimeout(this.timer);
			await this.beating;
			await this.committer?.stop();
			await Promise.all([...(this.owners?.values() ?? [])].map((owner) => owner.stop()));
			await this.leave().catch(() => undefined);
		},
	};
}

function reportTo(service: This): (error: unknown) => void {
	return (error) => service.logger.warn("Counting is held up and will be tried again:", error);
}
