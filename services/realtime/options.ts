/** Everything about live delivery that could be tuned, with a unit and a default; tests shorten times with it. */

export interface RealtimeOptions {
	/**
	 * Least time between two updates of a channel, ms.
	 * @defaultValue 50
	 */
	readonly tickMs: number;
	/**
	 * How often rollovers, beats, expiry and slow clients are looked at, ms.
	 * @defaultValue 250
	 */
	readonly sweepMs: number;
	/**
	 * How long an announcement that must have been made is waited for before it counts as lost, ms.
	 * @defaultValue 200
	 */
	readonly settleMs: number;
	/**
	 * After this without a beat a partition's state is unknown, ms.
	 * @defaultValue 3_000
	 */
	readonly beatStaleMs: number;
	/**
	 * How long a subscriber waits for its channel's state, and an actor for an answer, ms.
	 * @defaultValue 2_000
	 */
	readonly patienceMs: number;
	/**
	 * How long a subscriber that is ahead of this node waits for it to catch up before the store is asked, ms.
	 * @defaultValue 1_000
	 */
	readonly aheadMs: number;
	/**
	 * Readings of channel states under way at once.
	 * @defaultValue 16
	 */
	readonly readings: number;
	/**
	 * How long a channel without subscribers is kept, so that who returns is made whole, ms.
	 * @defaultValue 30_000
	 */
	readonly lingerMs: number;
	/**
	 * Values of a dimension that an update's delta keeps; the rest counts as `(other)`.
	 * @defaultValue 50
	 */
	readonly deltaValues: number;
	/**
	 * Scans a feed gives per second; beyond, it samples.
	 * @defaultValue 50
	 */
	readonly feedPerSecond: number;
	/**
	 * Scans a feed remembers for clients that return.
	 * @defaultValue 2_000
	 */
	readonly feedHistory: number;
	/**
	 * Scans of a feed's snapshot.
	 * @defaultValue 50
	 */
	readonly feedSnapshot: number;
	/**
	 * Connections of a node.
	 * @defaultValue 10_000
	 */
	readonly maxConnections: number;
	/**
	 * Channels of a connection.
	 * @defaultValue 50
	 */
	readonly maxChannels: number;
	/**
	 * Events a connection may send per second, and at once.
	 * @defaultValue 50 and 100
	 */
	readonly eventsPerSecond: number;
	readonly eventBurst: number;
	/**
	 * From when on a client that takes nothing is sent nothing more, ms.
	 * @defaultValue 100
	 */
	readonly stallMs: number;
	/**
	 * When a client that takes nothing is disconnected, ms.
	 * @defaultValue 10_000
	 */
	readonly slowMs: number;
	/**
	 * How often credentials are proven again, ms.
	 * @defaultValue 4_000
	 */
	readonly revalidateMs: number;
	/**
	 * How often presence is told to the other nodes, and when a node that says nothing counts as gone, ms.
	 * @defaultValue 500 and 1_900
	 */
	readonly presenceMs: number;
	readonly presenceStaleMs: number;
	/**
	 * How often ledger and health are read while somebody watches them, ms.
	 * @defaultValue 1_000
	 */
	readonly pollMs: number;
	/**
	 * Within how long a drained client should come back, ms; each is told a random part of it.
	 * @defaultValue 2_000
	 */
	readonly returnMs: number;
}

export const DEFAULT_OPTIONS: RealtimeOptions = {
	tickMs: 50,
	sweepMs: 250,
	settleMs: 200,
	beatStaleMs: 3_000,
	patienceMs: 2_000,
	aheadMs: 1_000,
	readings: 16,
	lingerMs: 30_000,
	deltaValues: 50,
	feedPerSecond: 50,
	feedHistory: 2_000,
	feedSnapshot: 50,
	maxConnections: 10_000,
	maxChannels: 50,
	eventsPerSecond: 50,
	eventBurst: 100,
	stallMs: 100,
	slowMs: 10_000,
	revalidateMs: 4_000,
	presenceMs: 500,
	presenceStaleMs: 1_900,
	pollMs: 1_000,
	returnMs: 2_000,
};
