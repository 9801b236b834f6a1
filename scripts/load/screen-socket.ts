/*
 * A Socket.IO connection of one screen on a bare socket: a thousand of them are to be held by the cores that the product
 * runs on too. It speaks what a screen needs of WebSocket (RFC 6455, without extensions), Engine.IO 4 and Socket.IO 4, and
 * reads no more of what it is sent than it must: its type, and of an update all.
 */
import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { AnalyticsUpdate, SubscribeReply, Update } from "../../contracts/live.ts";

const NAMESPACE = "/analytics";
const END_OF_HEAD = "\r\n\r\n";
const NONE = Buffer.alloc(0);

/** What is sent begins with the packets' types: of Engine.IO, then of Socket.IO. */
const PING = "2";
const PONG = "3";
const CONNECT = `40${NAMESPACE},`;
const REFUSED = `44${NAMESPACE},`;
const EVENT = `42${NAMESPACE},`;
const UPDATE = `${EVENT}["update",`;
const ACKNOWLEDGED = `43${NAMESPACE},`;

const TEXT_FRAME = 0x81;
const CLOSE_FRAME = 0x88;
const MASKED = 0x80;
/** A client must mask what it sends; by zeros it is as it was. */
const MASK = Buffer.alloc(4);
const SHORT_BYTES = 126;

export interface ScreenSocketOptions {
	readonly url: string;
	readonly token: string;
	readonly onUpdate: (update: Update<AnalyticsUpdate>) => void;
}

export class ScreenSocket {
	readonly #options: ScreenSocketOptions;
	readonly #socket: Socket;
	readonly #ready = Promise.withResolvers<void>();
	readonly #asked = new Map<number, (reply: SubscribeReply) => void>();
	#upgraded = false;
	#unread: Buffer = NONE;
	#number = 0;

	constructor(options: ScreenSocketOptions) {
		this.#options = options;
		const { hostname: host, host: name, port, protocol } = new URL(options.url);
		const secure = protocol === "https:";
		const where = { host, port: Number(port || (secure ? 443 : 80)) };
		const upgrade = [
			"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1",
			...[`Host: ${name}`, "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
			`Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
		];
		this.#socket = secure ? connectTls({ ...where, servername: host }) : connect({ ...where, noDelay: true });
		this.#socket.write(upgrade.join("\r\n") + END_OF_HEAD);
		this.#socket.on("data", (chunk: Buffer) => this.#receive(chunk));
		this.#socket.on("error", (error) => this.#ready.reject(error));
		this.#socket.on("close", () => this.#ready.reject(new Error("the connection was closed")));
		this.#ready.promise.catch(() => undefined);
	}

	get connected(): boolean {
		return !this.#socket.destroyed && this.#socket.writable;
	}

	/** @throws Error when the connection was refused, or there is no answer in time */
	async subscribe(channel: string, timeoutMs: number): Promise<SubscribeReply> {
		const late = AbortSignal.timeout(timeoutMs);
		const reply = Promise.withResolvers<SubscribeReply>();
		late.addEventListener("abort", () => {
			const error = new Error(`no answer about ${channel}`);
			this.#ready.reject(error);
			reply.reject(error);
		});
		reply.promise.catch(() => undefined);
		await this.#ready.promise;
		const number = this.#number++;
		this.#asked.set(number, reply.resolve);
		this.#send(`${EVENT}${number}${JSON.stringify(["subscribe", { channel }])}`);
		return reply.promise;
	}

	close(): void {
		this.#socket.destroy();
	}

	#receive(chunk: Buffer): void {
		let bytes = this.#unread === NONE ? chunk : Buffer.concat([this.#unread, chunk]);
		if (!this.#upgraded) {
			const end = bytes.indexOf(END_OF_HEAD);
			this.#unread = bytes;
			if (end < 0) return;
			const status = bytes.toString("latin1", 9, 12);
			if (status !== "101") return void this.#socket.destroy(new Error(`the upgrade was answered by ${status}`));
			this.#upgraded = true;
			bytes = bytes.subarray(end + END_OF_HEAD.length);
		}
		for (let frame = frameOf(bytes); frame; frame = frameOf(bytes)) {
			bytes = bytes.subarray(frame.end);
			if (frame.type === TEXT_FRAME) this.#hear(frame.text);
			else return void this.#socket.destroy(frame.type === CLOSE_FRAME ? undefined : new Error("no text came"));
		}
		this.#unread = bytes.length === 0 ? NONE : bytes;
	}

	#hear(text: string): void {
		if (text.startsWith(UPDATE)) this.#options.onUpdate(JSON.parse(text.slice(UPDATE.length, -1)));
		else if (text === PING) this.#send(PONG);
		else if (text.startsWith(ACKNOWLEDGED)) {
			const begin = text.indexOf("[", ACKNOWLEDGED.length);
			const number = Number(text.slice(ACKNOWLEDGED.length, begin));
			this.#asked.get(number)?.((JSON.parse(text.slice(begin)) as [SubscribeReply])[0]);
			this.#asked.delete(number);
		} else if (text.startsWith("0")) this.#send(CONNECT + JSON.stringify({ token: this.#options.token }));
		else if (text.startsWith(CONNECT)) this.#ready.resolve();
		else if (text.startsWith(REFUSED)) this.#socket.destroy(new Error(text.slice(REFUSED.length)));
	}

	#send(text: string): void {
		const payload = Buffer.from(text);
		const short = payload.length < SHORT_BYTES;
		const head = Buffer.alloc(short ? 2 : 4);
		head[0] = TEXT_FRAME;
		head[1] = MASKED | (short ? payload.length : SHORT_BYTES);
		if (!short) head.writeUInt16BE(payload.length, 2);
		this.#socket.write(Buffer.concat([head, MASK, payload]));
	}
}

/** The first frame, when it is there as a whole; a server masks nothing. */
function frameOf(bytes: Buffer): { readonly type: number; readonly text: string; readonly end: number } | undefined {
	if (bytes.length < 2) return undefined;
	const length = bytes.readUInt8(1);
	const begin = 2 + (length < SHORT_BYTES ? 0 : length === SHORT_BYTES ? 2 : 8);
	if (bytes.length < begin) return undefined;
	const long = () => (length === SHORT_BYTES ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2)));
	const end = begin + (length < SHORT_BYTES ? length : long());
	if (bytes.length < end) return undefined;
	return { type: bytes.readUInt8(0), text: bytes.toString("utf8", begin, end), end };
}
