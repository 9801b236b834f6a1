/** QR codes: what their owners edit, and their images. */

import { z } from "zod";
import { DEVICES } from "../../../contracts/scan.ts";
import { isCountry } from "../../../platform/countries.ts";
import { created, noContent, ok, type Route, route } from "../route.ts";
import { booleanParameter, instant, latitude, longitude, paging, text, wholeParameter } from "../schemas.ts";

const MAX_RULES = 50;
const MAX_VARIANTS = 20;
const MAX_PLACEMENTS = 200;
const MAX_TAGS = 20;
const MAX_WEIGHT = 10_000;
const MOST_SCANS = 1_000_000_000_000;

const SLUG = "a slug: 1–64 of A-Z a-z 0-9 _ -";
const COUNTRY = "an ISO 3166-1 alpha-2 code such as DE";
const LANGUAGE = "a language such as de";
const COLOUR = "a colour as rrggbb";
const WEIGHT = `a whole number from 1 to ${MAX_WEIGHT}`;
const MAX_SCANS = `a whole number from 1 to ${MOST_SCANS}`;

/** The codes actor looks at addresses more closely: it knows where they may lead. */
const address = text(2_048).regex(/^https?:\/\//i, "an http or https address of at most 2,048 characters");

const condition = z.strictObject({
	country: z
		.string(COUNTRY)
		.regex(/^[A-Za-z]{2}$/, COUNTRY)
		.refine(isCountry, COUNTRY)
		.optional(),
	device: z.enum(DEVICES).optional(),
	os: text(64).optional(),
	language: z
		.string(LANGUAGE)
		.regex(/^[A-Za-z]{2,8}([-_][A-Za-z0-9]{1,8})*$/, LANGUAGE)
		.optional(),
	after: instant.optional(),
	before: instant.optional(),
});

const code = {
	slug: z.string(SLUG).regex(/^[A-Za-z0-9_-]{1,64}$/, SLUG),
	url: address,
	name: text(200, 0),
	tags: z.array(text(40)).max(MAX_TAGS),
	active: z.boolean(),
	expiresAt: instant,
	maxScans: z.number(MAX_SCANS).int(MAX_SCANS).min(1, MAX_SCANS).max(MOST_SCANS, MAX_SCANS),
	fallbackUrl: address,
	rules: z.array(z.strictObject({ if: condition, url: address })).max(MAX_RULES),
	variants: z
		.array(
			z.strictObject({ url: address, weight: z.number(WEIGHT).int(WEIGHT).min(1, WEIGHT).max(MAX_WEIGHT, WEIGHT) }),
		)
		.max(MAX_VARIANTS),
	placements: z
		.array(
			z
				.strictObject({
					key: text(256),
					name: text(200).optional(),
					lat: latitude.optional(),
					lon: longitude.optional(),
				})
				.transform(({ name, ...placement }) => ({ ...placement, name: name ?? placement.key })),
		)
		.max(MAX_PLACEMENTS),
};

const newCode = z.strictObject({
	slug: code.slug.optional(),
	url: code.url,
	name: code.name.optional(),
	tags: code.tags.optional(),
	active: code.active.optional(),
	expiresAt: code.expiresAt.optional(),
	maxScans: code.maxScans.optional(),
	fallbackUrl: code.fallbackUrl.optional(),
	rules: code.rules.optional(),
	variants: code.variants.optional(),
	placements: code.placements.optional(),
});

const changes = z.strictObject({
	slug: code.slug.optional(),
	url: code.url.optional(),
	name: code.name.optional(),
	tags: code.tags.optional(),
	active: code.active.optional(),
	expiresAt: code.expiresAt.nullish(),
	maxScans: code.maxScans.nullish(),
	fallbackUrl: code.fallbackUrl.nullish(),
	rules: code.rules.optional(),
	variants: code.variants.optional(),
	placements: code.placements.optional(),
});

const colour = z.string().regex(/^#?[0-9a-fA-F]{6}$/, COLOUR);

const imageOptions = z.strictObject({
	placement: text(256).optional().describe("the placement that the image's address names"),
	size: wholeParameter(64, 4_096).optional().describe("width and height of the whole image, px"),
	margin: wholeParameter(0, 40).optional().describe("quiet zone, modules"),
	fg: colour.optional().describe("foreground, rrggbb"),
	bg: colour.optional().describe("background, rrggbb"),
	ec: z.enum(["L", "M", "Q", "H"]).optional().describe("error correction"),
});

const image = (format: "svg" | "png") =>
	route({
		method: "GET",
		path: `/api/v1/codes/:id/qr.${format}`,
		access: "codes:read",
		summary: `The code's image as ${format.toUpperCase()}`,
		description: "422 `unscannable` when the styled image does not decode back to its own address.",
		success: { status: 200, description: "The image" },
		query: imageOptions,
		async respond({ call, organisation, params: { id = "" }, query }) {
			const made = await call("codes.image", { organisation, id, image: { format, ...query } });
			return ok(Buffer.from(made.body, made.encoding), {
				"Content-Type": made.encoding === "utf8" ? `${made.type}; charset=utf-8` : made.type,
				"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
			});
		},
	});

export const codeRoutes: readonly Route[] = [
	route({
		method: "GET",
		path: "/api/v1/codes",
		access: "codes:read",
		summary: "List codes",
		success: { status: 200, description: "A page of codes" },
		query: z.strictObject({
			search: text(200).optional().describe("part of name, slug, url or tag, whatever its case"),
			tag: text(64).optional(),
			active: booleanParameter.optional(),
			...paging(["createdAt", "updatedAt", "name", "slug"], "-createdAt"),
		}),
		respond: async ({ call, organisation, query }) => ok(await call("codes.list", { organisation, ...query })),
	}),
	route({
		method: "POST",
		path: "/api/v1/codes",
		access: "codes:write",
		summary: "Create a code",
		success: { status: 201, description: "The code" },
		limit: "writes",
		body: newCode,
		async respond({ call, organisation, credential, body }) {
			const made = await call("codes.create", { organisation, code: body, by: credential.member ?? credential.id });
			return created(`/api/v1/codes/${made.id}`, made);
		},
	}),
	route({
		method: "GET",
		path: "/api/v1/codes/:id",
		access: "codes:read",
		summary: "Read a code",
		success: { status: 200, description: "The code" },
		respond: async ({ call, organisation, params: { id = "" } }) => ok(await call("codes.get", { organisation, id })),
	}),
	route({
		method: "PATCH",
		path: "/api/v1/codes/:id",
		access: "codes:write",
		summary: "Change a code",
		description: "Absent fields stay as they are; `null` clears `expiresAt`, `maxScans` and `fallbackUrl`.",
		success: { status: 200, description: "The code" },
		limit: "writes",
		body: changes,
		async respond({ call, organisation, credential, params: { id = "" }, body }) {
			const by = credential.member ?? credential.id;
			return ok(await call("codes.update", { organisation, id, changes: body, by }));
		},
	}),
	route({
		method: "DELETE",
		path: "/api/v1/codes/:id",
		access: "codes:write",
		summary: "Delete a code",
		description: "Its address answers 404, its scans stay in the numbers, its slug is not used again.",
		success: { status: 204, description: "Deleted" },
		limit: "writes",
		async respond({ call, organisation, credential, params: { id = "" } }) {
			await call("codes.remove", { organisation, id, by: credential.member ?? credential.id });
			return noContent;
		},
	}),
	image("svg"),
	image("png"),
];
