/**
 * The geometry of a QR image and its two forms. A module is a whole number of pixels and what is left over goes to the
 * edges, so that an image of any size is crisp; SVG and PNG have the same geometry.
 */

import QRCode from "qrcode";
import type { ImageStyle } from "./style.ts";

/** Modules on a pixel grid. Distances are px. */
export interface Drawing {
	readonly size: number;
	readonly pixelsPerModule: number;
	/** Where the first module begins, from the left and from the top. */
	readonly offset: number;
	/** Modules of a side. */
	readonly modules: number;
	readonly fg: string;
	readonly bg: string;
	dark(row: number, column: number): boolean;
}

/** The drawing of a text, or null when a module would be smaller than a pixel. */
export function draw(text: string, { size, margin, fg, bg, ec }: ImageStyle): Drawing | null {
	const matrix = QRCode.create(text, { errorCorrectionLevel: ec }).modules;
	const modules = matrix.size;
	const pixelsPerModule = Math.floor(size / (modules + 2 * margin));
	if (pixelsPerModule < 1) return null;
	const offset = Math.floor((size - modules * pixelsPerModule) / 2);
	return { size, pixelsPerModule, offset, modules, fg, bg, dark: (row, column) => matrix.get(row, column) === 1 };
}

/** The same drawing with modules of at most so many pixels. */
export function shrunk(drawing: Drawing, most: number): Drawing {
	if (drawing.pixelsPerModule <= most) return drawing;
	const scale = most / drawing.pixelsPerModule;
	return {
		...drawing,
		size: Math.round(drawing.size * scale),
		offset: Math.round(drawing.offset * scale),
		pixelsPerModule: most,
	};
}

/** SVG of exactly the size, one path of horizontal runs. */
export function svgOf(drawing: Drawing): string {
	const { size, pixelsPerModule, offset, modules, fg, bg } = drawing;
	let path = "";
	for (let row = 0; row < modules; row++) {
		for (let column = 0; column < modules; column++) {
			if (!drawing.dark(row, column)) continue;
			const start = column;
			while (column + 1 < modules && drawing.dark(row, column + 1)) column++;
			const width = (column + 1 - start) * pixelsPerModule;
			const x = offset + start * pixelsPerModule;
			const y = offset + row * pixelsPerModule;
			path += `M${x} ${y}h${width}v${pixelsPerModule}h-${width}z`;
		}
	}
	return (
		`<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${size}" viewBox="0 0 ${size} ${size}" ` +
		`shape-rendering="crispEdges"><path fill="#${bg}" d="M0 0h${size}v${size}H0z"/><path fill="#${fg}" d="${path}"/></svg>\n`
	);
}

/** Calls back once for each row of pixels, in order, with which of its pixels are dark. */
export function eachRow(drawing: Drawing, use: (dark: Uint8Array, y: number) => void): void {
	const { size, pixelsPerModule, offset, modules } = drawing;
	const dark = new Uint8Array(size);
	let drawn = -1;
	for (let y = 0; y < size; y++) {
		const row = Math.floor((y - offset) / pixelsPerModule);
		const inside = row >= 0 && row < modules;
		if (!inside) dark.fill(0);
		else if (row !== drawn) {
			for (let column = 0; column < modules; column++) {
				const x = offset + column * pixelsPerModule;
				dark.fill(drawing.dark(row, column) ? 1 : 0, x, x + pixelsPerModule);
			}
		}
		drawn = inside ? row : -1;
		use(dark, y);
	}
}

/** A colour's red, green and blue, 0–255. */
export function channels(color: string): [number, number, number] {
	const value = Number.parseInt(color, 16);
	return [value >> 16, (value >> 8) & 0xff, value & 0xff];
}
