/**
 * The one broker configuration, used by every process and every test. With NATS_URL the brokers form a cluster; without,
 * one process is all there is.
 */

import type { BrokerOptions, LoggerConfig } from "moleculer";
import { ClusterTransporter } from "./platform/cluster-transporter.ts";
import type { Config } from "./platform/config.ts";

/** Longest an actor may take to answer another, ms, unless the call says otherwise. */
const REQUEST_TIMEOUT_MS = 5_000;
/** Pause before a call is repeated, doubled for each further time, ms. */
const RETRY_DELAY_MS = 100;
/** A node that said nothing for so long is taken for dead, s. */
const HEARTBEAT_TIMEOUT_S = 4;
const HEARTBEAT_INTERVAL_S = 1;

export function brokerOptions(config: Config): BrokerOptions {
	return {
		namespace: "scanpulse",
		nodeID: config.nodeId,
		transporter: config.natsServers ? new ClusterTransporter({ servers: config.natsServers }) : null,
		requestTimeout: REQUEST_TIMEOUT_MS,
		// Only what the caller says may be repeated is (`retries` of a call), and only when no answer came.
		retryPolicy: {
			enabled: true,
			retries: 0,
			delay: RETRY_DELAY_MS,
			maxDelay: 10 * RETRY_DELAY_MS,
			factor: 2,
			check: (error) => error !== null && (error as { retryable?: boolean }).retryable === true,
		},
		heartbeatInterval: HEARTBEAT_INTERVAL_S,
		heartbeatTimeout: HEARTBEAT_TIMEOUT_S,
		// The process ends itself (see main.ts): buffers are made durable first.
		skipProcessEventRegistration: true,
		registry: { strategy: "RoundRobin", preferLocal: true },
		internalServices: false,
		logger: logger(config),
		logLevel: config.logLevel,
	};
}

function logger(config: Config): LoggerConfig {
	return {
		type: "Console",
		options:
			config.logFormat === "json"
				? { formatter: "json", colors: false }
				: { formatter: "short", colors: true, autoPadding: true },
	};
}
