/**
 * What JSON schemas cannot say, exactly as the workers read it: Pydantic's own forms of dates, lengths in characters
 * rather than UTF-16 units, text that Postgres can hold.
 */
import { isIPv4, isIPv6 } from "node:net";

import { z } from "zod";

const STORABLE = /^[^\0\ud800-\udfff]*$/u;
const MICROSECONDS = 1_000_000n;

/** How many values may be within each other, as the workers' reader counts them. */
export const MAX_DEPTH = 201;

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

function isRecord(value: unknown): value is Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

/** Characters as Python counts them. */
export function characters(text: string): number {
  let count = 0;
  for (const _ of text) count += 1;
  return count;
}

/** Text without NUL and lone surrogates: whatever is here fits JSON and Postgres. */
export function text(
  rules: { min?: number; max?: number; pattern?: RegExp; strip?: boolean; letters?: "lower" | "upper" } = {},
) {
  let schema = z.string();
  if (rules.strip) schema = schema.overwrite((value) => value.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, ""));
  schema = schema.refine((value) => STORABLE.test(value), { error: "holds NUL or a lone surrogate", abort: true });
  const { min, max, pattern, letters } = rules;
  if (min !== undefined) schema = schema.refine((value) => characters(value) >= min, `at least ${min} characters`);
  if (max !== undefined) schema = schema.refine((value) => characters(value) <= max, `at most ${max} characters`);
  if (pattern !== undefined) schema = schema.refine((value) => pattern.test(value), `must match ${pattern.source}`);
  if (letters === "lower") schema = schema.overwrite((value) => value.toLowerCase());
  if (letters === "upper") schema = schema.overwrite((value) => value.toUpperCase());
  return schema;
}

/** A UUID: with hyphens, without, in braces or as a URN, in any case; of one version if it is given. */
export function uuid(version?: number) {
  const hex = "[0-9a-fA-F]";
  const groups = [`${hex}{8}`, `${hex}{4}`, version === undefined ? `${hex}{4}` : `${version}${hex}{3}`, `${hex}{4}`, `${hex}{12}`];
  const [bare, plain] = [groups.join(""), groups.join("-")];
  const form = new RegExp(`^(?:${bare}|${plain}|\\{${plain}\\}|urn:uuid:${plain})$`);
  return z.string().refine((value) => form.test(value), "must be a UUID");
}

const DATE = "(?<year>\\d{4})-(?<month>\\d{2})-(?<day>\\d{2})";
const CLOCK = "(?<hour>\\d{2}):(?<minute>\\d{2})(?::(?<second>\\d{2})(?:[.,](?<fraction>\\d+))?)?";
const OFFSET = "(?<offset>[Zz]|(?<sign>[+\\-\\u2212])(?<offsetHour>\\d{2}):?(?<offsetMinute>\\d{2}))";
const DATE_FORM = new RegExp(`^${DATE}$`);
const TIME_FORM = new RegExp(`^${CLOCK}${OFFSET}?$`);
const MOMENT_FORM = new RegExp(`^${DATE}[Tt _]${CLOCK}${OFFSET}$`);

type Parts = Record<string, string | undefined>;

function isDate(parts: Parts): boolean {
  const [year, month, day] = [Number(parts.year), Number(parts.month), Number(parts.day)];
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  const days = [31, leap ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31][month - 1];
  return year >= 1 && days !== undefined && day >= 1 && day <= days;
}

function isClock(parts: Parts): boolean {
  const offset = Number(parts.offsetHour ?? 0) * 60 + Number(parts.offsetMinute ?? 0);
  return (
    Number(parts.hour) < 24 &&
    Number(parts.minute) < 60 &&
    Number(parts.second ?? 0) < 60 &&
    Number(parts.offsetMinute ?? 0) < 60 &&
    offset < 24 * 60
  );
}

/** A calendar date, `2026-11-26`. */
export function date() {
  return z.string().refine((value) => isDate(DATE_FORM.exec(value)?.groups ?? {}), "must be a date such as 2026-11-26");
}

/** A time of day, `09:30` or `09:30:00.5+01:00`. */
export function time() {
  return z.string().refine((value) => isClock(TIME_FORM.exec(value)?.groups ?? {}), "must be a time such as 09:30:00");
}

function momentParts(value: string): Parts | null {
  const parts = MOMENT_FORM.exec(value)?.groups;
  return parts !== undefined && isDate(parts) && isClock(parts) ? parts : null;
}

/** A moment with its UTC offset, as `new Date().toISOString()` writes it. */
export function moment() {
  return z
    .string()
    .refine((value) => momentParts(value) !== null, "must be a moment with an offset such as 2026-11-26T09:30:00Z");
}

/** A moment in UTC with up to six decimals, so that one instant is one text; null outside the years 1 to 9999. */
export function instant(value: string): string | null {
  const parts = momentParts(value);
  if (parts === null) return null;
  const wall = new Date(0);
  wall.setUTCFullYear(Number(parts.year), Number(parts.month) - 1, Number(parts.day));
  wall.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second ?? 0));
  const offset = (Number(parts.offsetHour ?? 0) * 60 + Number(parts.offsetMinute ?? 0)) * 60_000;
  const utc = new Date(wall.getTime() + (parts.sign === undefined || parts.sign === "+" ? -offset : offset));
  if (utc.getUTCFullYear() < 1 || utc.getUTCFullYear() > 9999) return null;
  const fraction = BigInt((parts.fraction ?? "").slice(0, 6).padEnd(6, "0")) % MICROSECONDS;
  const decimals = fraction === 0n ? "" : `.${String(fraction).padStart(6, "0")}`;
  return `${utc.toISOString().slice(0, 19)}${decimals}Z`;
}

const DURATION = /^[+-]?P(?=[\dT])(?:\d{1,8}D)?(?:T(?=\d)(?:\d{1,8}H)?(?:\d{1,8}M)?(?:\d{1,8}(?:\.\d{1,6})?S)?)?$/;

/** A duration in days, hours, minutes and seconds, `P1DT2H`. */
export function duration() {
  return z.string().refine((value) => DURATION.test(value), "must be an ISO 8601 duration such as PT90S");
}

/** A decimal number: in text, so that nothing is rounded, or as a number. */
export function decimal() {
  const form = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?$/;
  return z.union([z.string().refine((value) => form.test(value), "must be a decimal number"), z.number()]);
}

/** One of several values. As in Python, `true` is 1 and `false` is 0. */
export function oneOf<const T extends string | number | boolean | null>(values: readonly T[]): z.ZodType<T, T> {
  const alike = (value: unknown) => (typeof value === "boolean" ? Number(value) : value);
  const found = (value: unknown) => values.find((one) => one === value) ?? values.find((one) => alike(one) === alike(value));
  return z
    .custom<T>((value) => found(value) !== undefined, `must be one of ${values.map((one) => JSON.stringify(one)).join(", ")}`)
    .overwrite((value) => found(value) ?? value);
}

/** An IP address of version 4 or 6. */
export function ip(version: 4 | 6) {
  const fits = version === 4 ? isIPv4 : isIPv6;
  return z.string().refine((value) => fits(value), `must be an IPv${version} address`);
}

/** A whole number that every JSON reader keeps exact: within ±(2^53 - 1). */
export function whole(rules: Bounds & { multipleOf?: number } = {}) {
  const { multipleOf } = rules;
  const schema = bounded(z.int(), rules);
  if (multipleOf === undefined) return schema;
  return schema.refine((value) => value % multipleOf === 0, `a multiple of ${multipleOf}`);
}

/** A number; never NaN or infinite. */
export function real(rules: Bounds = {}) {
  return bounded(z.number(), rules);
}

interface Bounds {
  ge?: number;
  gt?: number;
  le?: number;
  lt?: number;
}

function bounded(schema: z.ZodType<number, number>, { ge, gt, le, lt }: Bounds): z.ZodType<number, number> {
  let narrowed = schema;
  if (ge !== undefined) narrowed = narrowed.refine((value) => value >= ge, `at least ${ge}`);
  if (gt !== undefined) narrowed = narrowed.refine((value) => value > gt, `above ${gt}`);
  if (le !== undefined) narrowed = narrowed.refine((value) => value <= le, `at most ${le}`);
  if (lt !== undefined) narrowed = narrowed.refine((value) => value < lt, `below ${lt}`);
  return narrowed;
}

/** A list of `min` to `max` items. */
export function list<T>(item: z.ZodType<T, T>, rules: { min?: number; max?: number } = {}): z.ZodType<T[], T[]> {
  let schema = z.array(item);
  if (rules.min !== undefined) schema = schema.min(rules.min);
  if (rules.max !== undefined) schema = schema.max(rules.max);
  return schema;
}

/** An object of `min` to `max` members of one type, by name. */
export function dictionary<T>(
  name: z.ZodType<string, string>,
  member: z.ZodType<T, T>,
  rules: { min?: number; max?: number } = {},
): z.ZodType<Record<string, T>, Record<string, T>> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = rules;
  const fits = (value: unknown): value is Record<string, T> => {
    if (!isRecord(value) || Object.hasOwn(value, "__proto__")) return false;
    const count = Object.keys(value).length;
    return count >= min && count <= max;
  };
  return z.custom<Record<string, T>>(fits, "must be an object of the wanted size").pipe(z.record(name, member));
}

/** One of several shapes, told apart by a member that must be there. */
export function told<T>(member: string, shapes: z.ZodType<T, T>): z.ZodType<T, T> {
  const has = (value: unknown) => isRecord(value) && Object.hasOwn(value, member);
  return z.custom<T>(has, `must have ${member}`).pipe(shapes);
}

function isJson(value: unknown, depth: number): boolean {
  if (value === null || typeof value === "boolean") return true;
  if (typeof value === "string") return STORABLE.test(value);
  // Beyond 1e21 JSON.stringify writes an exponent, which is no whole number for the reader.
  if (typeof value === "number") {
    return Number.isFinite(value) && (!Number.isInteger(value) || Number.isSafeInteger(value) || Math.abs(value) >= 1e21);
  }
  if (depth > MAX_DEPTH) return false;
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1));
  if (!isRecord(value) || Object.hasOwn(value, "__proto__")) return false;
  return Object.entries(value).every(([name, item]) => STORABLE.test(name) && isJson(item, depth + 1));
}

/** Any JSON. */
export function json(): z.ZodType<Json, Json> {
  return z.custom<Json>((value) => isJson(value, 1), "must be JSON, whole numbers within ±(2^53 - 1)");
}

/** How many values are within each other at the deepest place, the innermost one counted. */
export function depth(value: unknown): number {
  if (typeof value !== "object" || value === null) return 1;
  return 1 + Object.values(value).reduce((deepest: number, item) => Math.max(deepest, depth(item)), 0);
}
