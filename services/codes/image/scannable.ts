/**
 * The gate before an image is handed out: someone will print it a thousand times, so it is read first, as a phone reads
 * it. What is light on dark, pale, or drawn over its quiet zone is not read by every phone, and not by this reader.
 */

import jsQR from "jsqr";
import { channels, type Drawing, eachRow, shrunk } from "./drawing.ts";

/** As a camera at some distance sees larger modules. */
const DISTANT_PIXELS_PER_MODULE = 8;

/**
 * Whether the image of a drawing reads as the text it was made from, from some distance and as it is. Reading the largest
 * image as it is takes about a second, which is why this is done on a thread of its own.
 */
export function isScannable(drawing: Drawing, text: string): boolean {
	const distant = shrunk(drawing, DISTANT_PIXELS_PER_MODULE);
	return read(distant) === text && (distant === drawing || read(drawing) === text);
}

function read(drawing: Drawing): string | undefined {
	const { size } = drawing;
	const pixels = new Uint32Array(size * size);
	const light = packed(drawing.bg);
	const dark = packed(drawing.fg);
	eachRow(drawing, (row, y) => {
		const start = y * size;
		for (let x = 0; x < size; x++) pixels[start + x] = row[x] ? dark : light;
	});
	const bytes = new Uint8ClampedArray(pixels.buffer);
	return jsQR.default(bytes, size, size, { inversionAttempts: "dontInvert" })?.data;
}

/** A colour's four bytes as they lie in memory. */
function packed(color: string): number {
	return new Uint32Array(new Uint8Array([...channels(color), 0xff]).buffer)[0] as number;
}
