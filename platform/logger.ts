/** What a part of the platform may say to an operator; a broker's logger is one. */
export interface Logger {
	info(message: string): void;
	warn(message: string): void;
}
