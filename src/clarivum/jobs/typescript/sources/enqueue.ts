/** Enqueue a job from a Next.js server, in the transaction of what caused it. */
import { jobs, type JobName, type Payloads } from "./jobs.js";
import { keyText, runIdOf, windowOf } from "./run_id.js";
import type { Sender } from "./senders.js";
import { depth, MAX_DEPTH } from "./wire.js";

const MAX_PAYLOAD_BYTES = 256 * 1024;
const MAX_DELAY_SECONDS = 366 * 86_400;
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
const CARRIED = /^[\x20-\x7e]{1,8192}$/;

export interface Violation {
  /** JSON pointer into the payload. */
  pointer: string;
  message: string;
}

/** A payload that the job would not accept. Names the places, never the values. Nothing was sent. */
export class InvalidPayloadError extends Error {
  constructor(
    readonly job: string,
    readonly violations: readonly Violation[],
  ) {
    super(`${job}: the payload is not accepted: ${violations.map((one) => `${one.pointer || "/"} ${one.message}`).join("; ")}`);
    this.name = "InvalidPayloadError";
  }
}

export interface EnqueueOptions {
  /** It may start so many seconds after now at the earliest: 0, the default, to a year. */
  delaySeconds?: number;
  /** The caller's trace (W3C Trace Context); the run's spans go on in it. What is malformed is left out. */
  traceparent?: string | undefined;
  tracestate?: string | undefined;
  baggage?: string | undefined;
}

/** What a payload becomes: its JSON, defaults filled in, and the run that it asks for. */
export interface Prepared {
  body: string;
  key: string;
  /** When the window began in which the key is unique, in Unix time; null for a job without one. */
  uniqueFrom: number | null;
  runId: string;
}

/** Check a payload as the worker will. `now` decides the window of a job with one. Throws InvalidPayloadError. */
export function prepare<Name extends JobName>(name: Name, payload: Payloads[Name], now = new Date()): Prepared {
  const job = jobs[name];
  const refuse = (pointer: string, message: string) => new InvalidPayloadError(name, [{ pointer, message }]);
  const parsed = job.payload.safeParse(payload);
  if (!parsed.success) {
    throw new InvalidPayloadError(
      name,
      parsed.error.issues.map((issue) => ({ pointer: pointerTo(issue.path), message: issue.message })),
    );
  }
  if (depth(parsed.data) > MAX_DEPTH) throw refuse("", `is nested deeper than ${MAX_DEPTH}`);
  const body = JSON.stringify(parsed.data);
  const bytes = Buffer.byteLength(body);
  if (bytes > MAX_PAYLOAD_BYTES) {
    throw refuse("", `is ${bytes} bytes as JSON, at most ${MAX_PAYLOAD_BYTES} are allowed; store the data and pass its id`);
  }
  const key = keyText(job.keyKind, Reflect.get(parsed.data, job.key));
  if (key === null) throw refuse(`/${job.key}`, "cannot be an idempotency key: 1 to 255 characters");
  const uniqueFrom = windowOf(job.uniqueSeconds, now);
  return { body, key, uniqueFrom, runId: runIdOf(name, key, uniqueFrom) };
}

/**
 * Enqueue a job and return its run's id. The same key gives the same id, and one effect.
 *
 * Throws InvalidPayloadError, and nothing is sent, when the worker would not accept the payload.
 */
export async function enqueue<Name extends JobName>(
  sender: Sender,
  name: Name,
  payload: Payloads[Name],
  options: EnqueueOptions = {},
): Promise<string> {
  const { delaySeconds = 0 } = options;
  if (!Number.isInteger(delaySeconds) || delaySeconds < 0 || delaySeconds > MAX_DELAY_SECONDS) {
    throw new RangeError(`${name}: delaySeconds must be a whole number from 0 to ${MAX_DELAY_SECONDS}`);
  }
  const { body, key, uniqueFrom, runId } = prepare(name, payload);
  const { queue, schemaVersion } = jobs[name];
  const headers = {
    job: name,
    key,
    run_id: runId,
    schema_version: String(schemaVersion),
    ...(uniqueFrom === null ? {} : { unique_from: String(uniqueFrom) }),
    ...(delaySeconds === 0 ? {} : { due_at: new Date(Date.now() + delaySeconds * 1_000).toISOString() }),
    ...traceOf(options),
  };
  await sender.send({ queue, body, headers, delaySeconds });
  return runId;
}

function traceOf({ traceparent, tracestate, baggage }: EnqueueOptions): Record<string, string> {
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return {};
  const others = Object.entries({ tracestate, baggage }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined && CARRIED.test(pair[1]),
  );
  return { traceparent, ...Object.fromEntries(others) };
}

function pointerTo(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}
