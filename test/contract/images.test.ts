/*
 * "Codes", their images: exactly the size that was asked for, in the colours that were asked for, and readable by a phone, or
 * refused.
 */
import jsqr from "jsqr";
import { PNG } from "pngjs";
import { beforeAll, describe, expect, test } from "vitest";
import type { Code } from "../../contracts/code.ts";
import { openBrowser } from "../harness/browser.ts";
import { problemOf, type Running, startRunning } from "./running.ts";

const PUBLIC_URL = "https://scan.example.org";
const decode = jsqr as unknown as typeof jsqr.default;

let running: Running;
let code: Code;

beforeAll(async () => {
	running = await startRunning({ env: { PUBLIC_URL } });
	code = await running.code({ slug: "Img-1" });
});

const image = (format: "svg" | "png", query = "") =>
	running.admin.request("GET", `/api/v1/codes/${code.id}/qr.${format}${query}`);

async function png(query = ""): Promise<PNG> {
	const answer = await image("png", query);
	expect({ query, status: answer.status, type: answer.headers.get("content-type") }).toEqual({
		query,
		status: 200,
		type: "image/png",
	});
	return PNG.sync.read(Buffer.from(await answer.arrayBuffer()));
}

function read({ data, width, height }: PNG): string | undefined {
	return decode(new Uint8ClampedArray(data), width, height)?.data;
}

function colours({ data }: PNG): string[] {
	const seen = new Set<string>();
	for (let n = 0; n < data.length; n += 4) seen.add(data.subarray(n, n + 4).toString("hex"));
	return [...seen].toSorted();
}

describe("a PNG", () => {
	test("is a square of exactly the size, and leads to the code's address", async () => {
		for (const size of [64, 65, 100, 256, 333, 512, 1_000, 1_024, 2_048, 4_096]) {
			const made = await png(`?size=${size}`);
			expect([made.width, made.height]).toEqual([size, size]);
			expect({ size, text: read(made) }).toEqual({ size, text: `${PUBLIC_URL}/q/Img-1` });
		}
		expect(read(await png())).toBe(`${PUBLIC_URL}/q/Img-1`);
	});

	test("names the placement in its address, as scans record it", async () => {
		expect(read(await png("?placement=wall"))).toBe(`${PUBLIC_URL}/q/Img-1/wall`);
		const address = new URL(read(await png(`?placement=${encodeURIComponent("Table 7!")}`)) as string);
		await running.phone(address.pathname, { "user-agent": "Mozilla/5.0 (iPhone) Safari/604.1" });
		const { rows } = await running.complete<{ complete: boolean; rows: { value: string }[] }>(
			"/api/v1/analytics/breakdown",
			{ code: code.id, by: "placement" },
		);
		expect(rows.map(({ value }) => value)).toEqual(["table7"]);
	});

	test("has the colours, the margin and the error correction that were asked for", async () => {
		const styled = await png("?size=400&fg=102030&bg=%23f0E0d0&margin=4&ec=H");
		expect(colours(styled)).toEqual(["102030ff", "f0e0d0ff"]);
		expect(read(styled)).toBe(`${PUBLIC_URL}/q/Img-1`);
		for (const ec of ["L", "M", "Q", "H"]) expect(read(await png(`?ec=${ec}`))).toBe(`${PUBLIC_URL}/q/Img-1`);
		const quiet = (made: PNG) => {
			const background = made.data.subarray(0, 4).toString("hex");
			let first = 0;
			while (
				first < made.width &&
				made.data
					.subarray((first * made.width + first) * 4)
					.subarray(0, 4)
					.toString("hex") === background
			)
				first++;
			return first / made.width;
		};
		expect(quiet(await png("?size=1000&margin=10"))).toBeGreaterThan(quiet(await png("?size=1000&margin=4")));
		expect(quiet(await png("?size=1000&margin=4"))).toBeGreaterThan(quiet(await png("?size=1000&margin=1")));
	});
});

describe("an SVG", () => {
	test("is of exactly the size and the same picture as the PNG", async () => {
		const browser = await openBrowser();
		const page = await browser.newPage();
		for (const size of [64, 300, 777]) {
			const answer = await image("svg", `?size=${size}&fg=000080&bg=ffff00`);
			expect(answer.headers.get("content-type")).toMatch(/^image\/svg\+xml/);
			const svg = await answer.text();
			expect(svg).toMatch(new RegExp(`<svg[^>]* width="${size}"[^>]* height="${size}"`));
			await page.setViewportSize({ width: size, height: size });
			await page.setContent(
				`<body style="margin:0"><img style="display:block" src="data:image/svg+xml;base64,${Buffer.from(svg).toString("base64")}"></body>`,
			);
			await page.locator("img").evaluate((img) => (img as unknown as { decode(): Promise<void> }).decode());
			const drawn = PNG.sync.read(await page.screenshot());
			expect(read(drawn)).toBe(`${PUBLIC_URL}/q/Img-1`);
			expect(colours(drawn)).toEqual(["000080ff", "ffff00ff"]);
			const same = await png(`?size=${size}&fg=000080&bg=ffff00`);
			expect(drawn.data.equals(same.data)).toBe(true);
		}
		await page.close();
	});

	test("says nothing but what it is: no script, no address of others", async () => {
		const svg = await (await image("svg", "?placement=%3Cscript%3E")).text();
		expect(svg).not.toMatch(/<script|onload|href|<!ENTITY/i);
	});
});

describe("a styled image that no phone could read", () => {
	test.each([
		["without contrast", "?fg=ffffff&bg=ffffff"],
		["with hardly any contrast", "?fg=eeeeee&bg=ffffff"],
		["in light on dark", "?fg=ffffff&bg=000000"],
		["with modules smaller than a pixel", "?size=64&margin=40"],
	])("%s is refused", async (_, query) => {
		for (const format of ["svg", "png"] as const) await problemOf(await image(format, query), 422, "unscannable");
	});

	test("is refused too where the address is too long for the size", async () => {
		const long = await running.code({ slug: "y".repeat(64) });
		const path = `/api/v1/codes/${long.id}/qr.png?size=64&ec=H&margin=4&placement=${"z".repeat(64)}`;
		await problemOf(await running.admin.request("GET", path), 422, "unscannable");
	});
});

test("images of a code that there is not are 404, and none is had without a credential", async () => {
	for (const format of ["svg", "png"]) {
		await problemOf(await running.admin.request("GET", `/api/v1/codes/none/qr.${format}`), 404, "not_found");
		await problemOf(await running.ask("GET", `/api/v1/codes/${code.id}/qr.${format}`), 401, "unauthorized");
	}
});
