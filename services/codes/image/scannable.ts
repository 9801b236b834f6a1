/**
 * The gate before an image is handed out: someone will print it a thousand times, so it is read first, as a phone reads
 * it. What is light on dark, pale, or drawn over its quiet zone is not read by every phone, and not by this reader.
 */

import jsQR from "jsqr";
import { channels, type Drawing, eachRow, shrunk } from "./drawing.ts";

/** Larger modules are read no better, only slower. */
const MOST_PIXELS_PER_MODULE = 8;

/** Whether the image of a drawing reads as the text it was made from. */
export function isScannable(drawing: Drawing, text: string): boolean {
	const small = shrunk(drawing, MOST_PIXELS_PER_MODULE);
	const { size } = small;
	const pixels = new Uint8ClampedArray(size * size * 4);
	const dark = [...channels(small.fg), 0xff];
	const light = [...channels(small.bg), 0xff];
	eachRow(small, (row, y) => {
		for (let x = 0; x < size; x++) pixels.set(row[x] ? dark : light, (y * size + x) * 4);
	});
	return read(pixels, size) === text;
}

function read(pixels: Uint8ClampedArray, size: number): string | undefined {
	return jsQR.default(pixels, size, size, { inversionAttempts: "dontInvert" })?.data;
}
