/*
 * Images of codes: exact, crisp, and readable, or not handed out.
 */
import fc from "fast-check";
import jsQR from "jsqr";
import { PNG } from "pngjs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Code, CodeImage, ImageOptions } from "../../contracts/code.ts";
import { dataOf } from "../../contracts/errors.ts";
import codes from "../../services/codes/codes.service.ts";
import { type RunningActor, runActor } from "../harness/actor.ts";

const PUBLIC_URL = "https://scan.example.org";

let actor: RunningActor;
let code: Code;

beforeAll(async () => {
	actor = await runActor(codes, { env: { PUBLIC_URL } });
	const input = { url: "https://example.org", slug: "Menu-2026" };
	code = await actor.call("codes.create", { organisation: "default", code: input, by: "test" });
});

const image = (options: Partial<ImageOptions> & Record<string, unknown> = {}): Promise<CodeImage> =>
	actor.call("codes.image", { organisation: "default", id: code.id, image: { format: "png", ...options } });

interface Pixels {
	readonly width: number;
	readonly height: number;
	readonly data: Buffer;
}

/** The colour of a pixel as rrggbb. */
const pixel = ({ width, data }: Pixels, x: number, y: number) =>
	data.subarray((y * width + x) * 4, (y * width + x) * 4 + 3).toString("hex");

function read(pixels: Pixels): string | undefined {
	return jsQR.default(new Uint8ClampedArray(pixels.data), pixels.width, pixels.height)?.data;
}

function png({ type, encoding, body }: CodeImage): Pixels {
	expect([type, encoding]).toEqual(["image/png", "base64"]);
	return PNG.sync.read(Buffer.from(body, "base64"));
}

/** Draws the rectangles of an image's two paths, as a browser does with crisp edges. */
function rendered({ type, encoding, body }: CodeImage): Pixels {
	expect([type, encoding]).toEqual(["image/svg+xml", "utf8"]);
	const size = Number(/width="(\d+)"/.exec(body)?.[1]);
	expect(body).toContain(`height="${size}" viewBox="0 0 ${size} ${size}"`);
	const data = Buffer.alloc(size * size * 4, 0xff);
	for (const [, fill = "", path = ""] of body.matchAll(/<path fill="#([0-9a-f]{6})" d="([^"]*)"/g)) {
		const color = Buffer.from(`${fill}ff`, "hex");
		for (const [, x, y, width, height] of path.matchAll(/M(\d+) (\d+)h(\d+)v(\d+)[hH]-?\d+z/g)) {
			for (let row = Number(y); row < Number(y) + Number(height); row++) {
				for (let column = Number(x); column < Number(x) + Number(width); column++) {
					color.copy(data, (row * size + column) * 4);
				}
			}
		}
	}
	return { width: size, height: size, data };
}

test("an image reads as the code's own address, with its placement when one is named", async () => {
	expect(read(png(await image()))).toBe(`${PUBLIC_URL}/q/Menu-2026`);
	expect(read(rendered(await image({ format: "svg" })))).toBe(`${PUBLIC_URL}/q/Menu-2026`);
	expect(read(png(await image({ placement: "Table 12!" })))).toBe(`${PUBLIC_URL}/q/Menu-2026/table12`);
});

test("an image is exactly as large as asked, with whole modules and its quiet zone", async () => {
	for (const size of [64, 65, 100, 513, 1_000, 4_096]) {
		const pixels = png(await image({ size, margin: 2 }));
		expect([pixels.width, pixels.height]).toEqual([size, size]);
	}
	const pixels = png(await image({ size: 512, margin: 4 }));
	const first = Array.from({ length: 512 }, (_, x) => x).findIndex((x) => pixel(pixels, x, x) === "000000");
	const top = Array.from({ length: 512 - first }, (_, n) => pixel(pixels, first + n, first));
	const finder = top.findIndex((color) => color !== "000000");
	expect(finder % 7).toBe(0);
	expect(first).toBeGreaterThanOrEqual(4 * (finder / 7));
});

test("SVG and PNG are the same picture in the colours asked for", async () => {
	const style = { size: 300, margin: 1, fg: "#1A2B3C", bg: "fffBF0", ec: "Q" as const };
	const drawn = png(await image(style));
	const vector = rendered(await image({ ...style, format: "svg" }));
	expect(drawn.data.equals(vector.data)).toBe(true);
	expect(pixel(drawn, 0, 0)).toBe("fffbf0");
	const colors = new Set(Array.from({ length: 300 * 300 }, (_, n) => pixel(drawn, n % 300, Math.floor(n / 300))));
	expect(colors).toEqual(new Set(["1a2b3c", "fffbf0"]));
});

test("a large image is a small file", async () => {
	const { body } = await image({ size: 4_096 });
	expect(body.length).toBeLessThan(50_000);
});

describe("what no phone would read is not handed out:", () => {
	test.each([
		["one colour", { fg: "123456", bg: "123456" }],
		["light on dark", { fg: "ffffff", bg: "000000" }],
		["pale on white", { fg: "eeeeee" }],
		["yellow on white", { fg: "ffff00" }],
		["modules smaller than a pixel", { size: 64, margin: 40 }],
	])("%s", async (_, style) => {
		for (const format of ["svg", "png"] as const) {
			await expect(image({ ...style, format })).rejects.toMatchObject({ type: "unscannable", code: 422 });
		}
	});
});

test.each<[string, unknown[]]>([
	["size", [63, 4_097, 100.5, "512", Number.NaN, null]],
	["margin", [-1, 41, 1.5, "4"]],
	["fg", ["red", "#fff", "12345g", 0]],
	["bg", ["", "#1234567"]],
	["ec", ["X", "m", 1]],
	["placement", ["", "!!!", 7]],
	["format", ["gif"]],
	["shadow", [true]],
])("a %s that is not valid is refused by its name", async (name, values) => {
	for (const value of values) {
		const error: unknown = await image({ [name]: value }).catch((reason: unknown) => reason);
		expect(error).toMatchObject({ type: "invalid" });
		expect(dataOf(error).errors?.map(({ path }) => path)).toEqual([name]);
	}
});

test("whatever the style, what is handed out reads as the code's address", async () => {
	const style = fc.record({
		format: fc.constantFrom("svg" as const, "png" as const),
		size: fc.oneof(fc.integer({ min: 64, max: 700 }), fc.constantFrom(1_024, 1_500)),
		margin: fc.integer({ min: 0, max: 12 }),
		fg: fc.constantFrom("000000", "7a0000", "003366", "707070", "aaaaaa"),
		bg: fc.constantFrom("ffffff", "ffe0c0", "c0ffee", "888888"),
		ec: fc.constantFrom("L" as const, "M" as const, "Q" as const, "H" as const),
		placement: fc.constantFrom(undefined, "table-1", "a".repeat(64)),
	});
	let handedOut = 0;
	await fc.assert(
		fc.asyncProperty(style, async (wanted) => {
			const made = await image(wanted).catch((error: unknown) => {
				expect(error).toMatchObject({ type: "unscannable" });
				return undefined;
			});
			if (!made) return;
			handedOut++;
			const place = wanted.placement ? `/${wanted.placement}` : "";
			const pixels = wanted.format === "png" ? png(made) : rendered(made);
			expect([pixels.width, pixels.height]).toEqual([wanted.size, wanted.size]);
			expect(read(pixels)).toBe(`${PUBLIC_URL}/q/Menu-2026${place}`);
		}),
		{ numRuns: 60 },
	);
	expect(handedOut).toBeGreaterThan(20);
});

test("drawing does not hold up the process", async () => {
	// Processor time, not wall time: another load on the machine does not count.
	const allThreads = process.cpuUsage();
	const thisThread = process.threadCpuUsage();
	await Promise.all([1, 2, 3].map((n) => image({ size: 2_000 + n, ec: "H" })));
	const sum = ({ user, system }: { user: number; system: number }) => user + system;
	expect(sum(process.threadCpuUsage(thisThread)) / sum(process.cpuUsage(allThreads))).toBeLessThan(0.3);
});
