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

/** SHA-256 of `job NUL key` as a UUID version 8 (RFC 9562, B.2). */
export function runIdOf(job: string, key: string): string {
  const bytes = createHash("sha256").update(`${job}\0${key}`, "utf8").digest().subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
