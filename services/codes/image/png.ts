/**
 * A PNG of two colours, one bit a pixel: a QR image of 4096 px is a few kilobytes and costs 2 MiB while it is made.
 *
 * @see https://www.w3.org/TR/png-3/
 */

import { crc32, deflateSync } from "node:zlib";
import { channels, type Drawing, eachRow } from "./drawing.ts";

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const BIT_DEPTH = 1;
const PALETTE = 3;

export function pngOf(drawing: Drawing): Buffer {
	const { size, fg, bg } = drawing;
	const head = Buffer.alloc(13);
	head.writeUInt32BE(size, 0);
	head.writeUInt32BE(size, 4);
	head[8] = BIT_DEPTH;
	head[9] = PALETTE;

	// Each row begins with its filter, none.
	const stride = 1 + Math.ceil(size / 8);
	const pixels = Buffer.alloc(stride * size);
	eachRow(drawing, (dark, y) => {
		const start = y * stride + 1;
		for (let x = 0; x < size; x++) {
			if (dark[x]) pixels[start + (x >> 3)]! |= 0x80 >> (x & 7);
		}
	});

	return Buffer.concat([
		SIGNATURE,
		chunk("IHDR", head),
		chunk("PLTE", Buffer.from([...channels(bg), ...channels(fg)])),
		chunk("IDAT", deflateSync(pixels)),
		chunk("IEND", Buffer.alloc(0)),
	]);
}

function chunk(type: string, data: Buffer): Buffer {
	const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
	const framed = Buffer.alloc(body.length + 8);
	framed.writeUInt32BE(data.length, 0);
	body.copy(framed, 4);
	framed.writeUInt32BE(crc32(body), body.length + 4);
	return framed;
}
