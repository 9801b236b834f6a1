/** Fields that several routes have in common, with what is expected of them in words that errors repeat. */

import { z } from "zod";
import { DIMENSIONS } from "../../contracts/scan.ts";

const MAX_PAGE = 1_000_000;
const MAX_PAGE_SIZE = 200;
const DEFAULT_PAGE_SIZE = 50;

/** Text of some length, without control characters. */
export function text(most: number, least = 1) {
	const expected = `text of ${least}–${most} characters without control characters`;
	return z
		.string(expected)
		.min(least, expected)
		.max(most, expected)
		.regex(/^\P{Cc}*$/u, expected);
}

const INSTANT = "an ISO 8601 instant with a zone, such as 2026-11-23T09:30:00Z";
export const instant = z.iso
	.datetime({ offset: true, error: INSTANT })
	.refine((value) => !Number.isNaN(Date.parse(value)), INSTANT);

const INSTANT_OR_DATE = "an ISO 8601 instant with a zone, or a date YYYY-MM-DD";
export const instantOrDate = z.union([instant, z.iso.date()], INSTANT_OR_DATE);

const LATITUDE = "a number from -90 to 90";
const LONGITUDE = "a number from -180 to 180";
export const latitude = z.number(LATITUDE).min(-90, LATITUDE).max(90, LATITUDE);
export const longitude = z.number(LONGITUDE).min(-180, LONGITUDE).max(180, LONGITUDE);

/** A whole number in a query string. */
export function wholeParameter(least: number, most: number) {
	const expected = `a whole number from ${least} to ${most}`;
	return z
		.string(expected)
		.regex(/^\d{1,9}$/, expected)
		.transform(Number)
		.refine((value) => value >= least && value <= most, expected);
}

export const booleanParameter = z.enum(["true", "false"], "true or false").transform((value) => value === "true");

/** A parameter that may be repeated. */
export function repeatable(item: z.ZodType<string, string>) {
	return z.union([item.transform((value) => [value]), z.array(item).max(100)], "text of 1–128 characters");
}

/** `page`, `pageSize` and `sort` of a list that can be sorted by these fields. */
export function paging<const Fields extends readonly [string, ...string[]]>(
	fields: Fields,
	standard: `-${Fields[number]}` | Fields[number],
) {
	const choices = fields.flatMap((field) => [field, `-${field}`]);
	return {
		page: wholeParameter(1, MAX_PAGE).default(1).describe("from 1"),
		pageSize: wholeParameter(1, MAX_PAGE_SIZE).default(DEFAULT_PAGE_SIZE).describe(`1–${MAX_PAGE_SIZE}`),
		sort: z.enum(choices).default(standard).describe("a field, with a leading - for descending"),
	};
}

/** `filter.country`, `filter.device` …, each of which may be repeated. */
export const filterParameters = Object.fromEntries(
	DIMENSIONS.map((dimension) => [
		`filter.${dimension}`,
		repeatable(text(256)).optional().describe(`only scans whose ${dimension} is one of these; (none) is absence`),
	]),
);
