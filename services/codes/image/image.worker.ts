/** Draws and reads QR images on a thread of its own, so that no redirect waits for one. */

import type { CodeImage } from "../../../contracts/code.ts";
import { CodedError } from "../../../contracts/errors.ts";
import { serveWorker } from "../../../platform/worker-rpc.ts";
import { draw, svgOf } from "./drawing.ts";
import { pngOf } from "./png.ts";
import { isScannable } from "./scannable.ts";
import type { ImageStyle } from "./style.ts";

const methods = {
	/** @throws `unscannable`. */
	draw({ text, style }: { text: string; style: ImageStyle }): CodeImage {
		const drawing = draw(text, style);
		if (!drawing) {
			throw new CodedError(
				"unscannable",
				`${style.size} px are too few for this code and its margin: a module would be smaller than a pixel`,
			);
		}
		if (!isScannable(drawing, text)) {
			throw new CodedError(
				"unscannable",
				"The image cannot be read back: use a dark colour on a light one, a larger size or a wider margin",
			);
		}
		return style.format === "svg"
			? { type: "image/svg+xml", encoding: "utf8", body: svgOf(drawing) }
			: { type: "image/png", encoding: "base64", body: pngOf(drawing).toString("base64") };
	},
};

export type ImageWorker = typeof methods;

serveWorker(methods);
