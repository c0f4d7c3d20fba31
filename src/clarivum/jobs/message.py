"""A message as a transport delivers it, what its headers are called, and the run that it asks for."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import UUID

from clarivum.errors import Violation
from clarivum.jobs.declaration import Job
from clarivum.jobs.payload import Payload, PayloadError, decode

# Headers beside traceparent, tracestate and baggage. SQS allows ten attributes: with its enqueued_at that is all.
JOB = "job"
KEY = "key"
RUN_ID = "run_id"
SCHEMA_VERSION = "schema_version"
UNIQUE_FROM = "unique_from"
"""Of a job with unique_s: when the window began in which its producer enqueued it, in Unix time."""
DUE_AT = "due_at"
"""Of a message with a delay: when it is over, by its producer's clock, ISO 8601."""
MAX_AHEAD = timedelta(minutes=5)
"""How much a producer's clock may be ahead of the queue's."""
VERSION_BITS, VARIANT_BITS = 0x8 << 76, 0x2 << 62
FREE_BITS = ~(0xF << 76 | 0x3 << 62)


class Message(NamedTuple):
    """One delivery of one message. `headers` holds those that were sent, of the names above."""

    id: str
    """The transport's own; the same in every delivery."""
    body: str | None
    enqueued_at: datetime
    receives: int
    """How often the queue has delivered it, this time included; 0 where nobody says."""
    headers: Mapping[str, str]

    @property
    def is_first_delivery(self) -> bool:
        """Nobody can have worked on it before."""
        return self.receives == 1

    @property
    def due_at(self) -> datetime:
        """When the delay that its producer asked for is over; without one, when it was enqueued."""
        if DUE_AT not in self.headers:
            return self.enqueued_at
        return max(moment_of(self.headers[DUE_AT]) or self.enqueued_at, self.enqueued_at)


class Request(NamedTuple):
    """What a readable message asks for: this run, with this payload."""

    message: Message
    payload: Payload
    key: str
    run_id: UUID


class NewerVersionError(Exception):
    """The message was written by a newer version of the application: not ours to judge."""


def run_id_of(job_name: str, key: str, unique_from: int | None = None) -> UUID:
    """The one run of a job and an idempotency key: SHA-256 of `job NUL key` as a UUID version 8 (RFC 9562, B.2).

    With `unique_from`, the one run of a window: SHA-256 of `job NUL key NUL unique_from`, that in decimal digits.
    """
    text = f"{job_name}\0{key}" if unique_from is None else f"{job_name}\0{key}\0{unique_from}"
    digest = int.from_bytes(sha256(text.encode()).digest()[:16], "big")
    return UUID(int=digest & FREE_BITS | VERSION_BITS | VARIANT_BITS)


def moment_of(text: str) -> datetime | None:
    """A header's date and time with its UTC offset. None: it is none."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def window_of(job: Job[Any], at: datetime) -> int | None:
    """When the window of uniqueness began that `at` lies in, in Unix time: a multiple of unique_s. None without one."""
    return None if job.unique_s is None else int(at.timestamp() // job.unique_s) * job.unique_s


def read(job: Job[Any], message: Message) -> Request:
    """Understand a message of a job's queue. The payload decides; of the headers only what says whose it is, and in
    which window of uniqueness it was enqueued. Without that, it was when the queue got it.

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
    if job.unique_s is None:
        return Request(message, payload, key, run_id_of(job.name, key))
    unique_from = _window(job, message)
    # a dead letter keeps the headers, so that a redrive months later is still the same run
    dated = message._replace(headers={**message.headers, UNIQUE_FROM: str(unique_from)})
    return Request(dated, payload, key, run_id_of(job.name, key, unique_from))


def _window(job: Job[Any], message: Message) -> int:
    """Who may write into the queue could make another run of a key by another key as well: the header is only kept
    from naming a window that has not begun, in which the run would be found taken."""
    header = message.headers.get(UNIQUE_FROM)
    if header is None:
        began = window_of(job, message.enqueued_at)
        assert began is not None
        return began
    if not (header.isascii() and header.isdigit() and len(header) <= 11):
        raise PayloadError(f"the {UNIQUE_FROM} header is not a time in whole seconds")
    if datetime.fromtimestamp(int(header), UTC) > message.enqueued_at + MAX_AHEAD:
        raise PayloadError(f"the {UNIQUE_FROM} header lies in the future of the message")
    return int(header)
