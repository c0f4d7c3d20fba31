/** Which run a payload asks for: the same key and id as the workers compute. */
import { createHash } from "node:crypto";

import { characters, instant } from "./wire.js";

export type KeyKind = "text" | "number" | "uuid" | "moment";

const MAX_KEY_CHARACTERS = 255;

/** The idempotency key as text; null when it cannot be used. */
export function keyText(kind: KeyKind, value: unknown): string | null {
  const written = asText(kind, value);
  return written !== null && written !== "" && characters(written) <= MAX_KEY_CHARACTERS ? written : null;
}

function asText(kind: KeyKind, value: unknown): string | null {
  if (value === undefined || value === null) return null;
  const plain = String(value);
  if (kind === "moment") return instant(plain);
  if (kind !== "uuid") return plain;
  const digits = plain.toLowerCase().replace(/^urn:uuid:/, "").replace(/[{}-]/g, "");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** When the window of uniqueness began that `now` lies in, in Unix time; null for a job without one. */
export function windowOf(uniqueSeconds: number | null, now: Date): number | null {
  return uniqueSeconds === null ? null : Math.floor(now.getTime() / 1000 / uniqueSeconds) * uniqueSeconds;
}

/** SHA-256 of `job NUL key`, and of `NUL window` where there is one, as a UUID version 8 (RFC 9562, B.2). */
export function runIdOf(job: string, key: string, uniqueFrom: number | null = null): string {
  const text = uniqueFrom === null ? `${job}\0${key}` : `${job}\0${key}\0${uniqueFrom}`;
  const bytes = createHash("sha256").update(text, "utf8").digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
