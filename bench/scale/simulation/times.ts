/* What each part of the product spends, in processor time of one core, µs: what a simulation is fed with. */

export interface ServiceTimes {
	/** A gateway's for a request with one scan. */
	readonly gatewayUs: number;
	/** The event log's for a message, and for each scan in it, written and read. */
	readonly logMessageUs: number;
	readonly logScanUs: number;
	/** From a message's sending to its acknowledgement, besides the log's own time: network and turns of event loops. */
	readonly logDelayUs: number;
	/** A scans process's for a message and a scan read, which goes on while a transaction is waited for. */
	readonly readMessageUs: number;
	readonly readScanUs: number;
	/** Its own for a transaction, and for each scan in it. */
	readonly commitUs: number;
	readonly commitScanUs: number;
	/** What a transaction waits for besides processors: the journal's sync, and turns of event loops. */
	readonly commitDelayUs: number;
	/** MongoDB's for a transaction, and for each scan in it. */
	readonly mongoCommitUs: number;
	readonly mongoScanUs: number;
	/** A realtime node's for a transaction that is announced, and for each scan in it, whoever is connected to it. */
	readonly hearCommitUs: number;
	readonly hearScanUs: number;
	/** A realtime node's for one update to one connection. */
	readonly deliveryUs: number;
}
