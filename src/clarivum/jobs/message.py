"""A message as a transport delivers it, what its headers are called, and the run that it asks for."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from clarivum.errors import Violation
from clarivum.jobs.declaration import Job
from clarivum.jobs.payload import Payload, PayloadError, decode

# Headers beside traceparent, tracestate and baggage. SQS allows ten attributes: seven in all.
JOB = "job"
KEY = "key"
RUN_ID = "run_id"
SCHEMA_VERSION = "schema_version"
VERSION_BITS, VARIANT_BITS = 0x8 << 76, 0x2 << 62
FREE_BITS = ~(0xF << 76 | 0x3 << 62)


class Message(NamedTuple):
    """One delivery of one message. `headers` holds those that were sent, of the names above."""

    id: str
    """The transport's own; the same in every delivery."""
    body: str | None
    enqueued_at: datetime
    is_first_delivery: bool
    headers: Mapping[str, str]


class Request(NamedTuple):
    """What a readable message asks for: this run, with this payload."""

    message: Message
    payload: Payload
    key: str
    run_id: UUID


class NewerVersionError(Exception):
    """The message was written by a newer version of the application: not ours to judge."""


def run_id_of(job_name: str, key: str) -> UUID:
    """The one run of a job and an idempotency key: SHA-256 of `job NUL key` as a UUID version 8 (RFC 9562, B.2)."""
    digest = int.from_bytes(sha256(f"{job_name}\0{key}".encode()).digest()[:16], "big")
    return UUID(int=digest & FREE_BITS | VERSION_BITS | VARIANT_BITS)


def read(job: Job[Any], message: Message) -> Request:
    """Understand a message of a job's queue. The payload decides; of the headers only what says whose it is.

    Raises NewerVersionError when it is for a job or a payload version that this worker does not know; PayloadError when
    it can never be understood.
    """
    if message.headers.get(JOB, job.name) != job.name:
        raise NewerVersionError(f"it is for job {message.headers[JOB]!r}")
    version = message.headers.get(SCHEMA_VERSION, "1")
    if not (version.isascii() and version.isdigit() and len(version) <= 9):
        raise PayloadError("the schema_version header is not a number")
    if int(version) > job.payload.schema_version:
        raise NewerVersionError(f"its payload has version {version}, this worker knows {job.payload.schema_version}")
    if message.body is None:
        raise PayloadError(f"the message has no body; {job.payload.__name__} is a JSON object")
    payload = decode(job.payload, message.body, version=int(version))
    try:
        key = job.key_of(payload)
    except ValueError as error:
        raise PayloadError(
            "the idempotency key cannot be used", violations=[Violation("", str(error), "key")]
        ) from None
    return Request(message, payload, key, run_id_of(job.name, key))
