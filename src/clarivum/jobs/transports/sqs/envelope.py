"""A job's message as SQS carries it: the payload as body, our headers as message attributes.

SQS carries text of XML 1.0's characters only, and no empty attribute. A body is JSON, where the characters it does
not take are written as escapes; an attribute's are percent-encoded, which its type `String.uri` tells.
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, unquote

import orjson

from clarivum.jobs.message import DUE_AT, JOB, SCHEMA_VERSION, UNIQUE_FROM, Message, moment_of
from clarivum.jobs.transports.sqs.names import MAX_ATTRIBUTES

ENQUEUED_AT = "enqueued_at"
"""When the row was put into the outbox, ISO 8601; SQS itself only knows when the relay sent it."""
NEEDED = (JOB, SCHEMA_VERSION, UNIQUE_FROM, ENQUEUED_AT, DUE_AT, "traceparent", "tracestate", "baggage")
TEXT, ENCODED = "String", "String.uri"
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
NUL_ESCAPE = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")


def attributes_of(headers: Mapping[str, str], enqueued_at: datetime) -> dict[str, dict[str, str]]:
    """MessageAttributes. Of more than ten headers the ones that a worker needs go first."""
    carried = {name: value for name, value in headers.items() if value}
    carried[ENQUEUED_AT] = enqueued_at.astimezone(UTC).isoformat()
    names = sorted(carried, key=lambda name: name not in NEEDED)[:MAX_ATTRIBUTES]
    return {name: _attribute(carried[name]) for name in names}


def body_of(payload: str) -> str:
    """The payload's JSON with an escape for each character that SQS does not take."""
    return FORBIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", payload)


def size_bytes(body: str, attributes: Mapping[str, Mapping[str, str]]) -> int:
    """As SQS counts: body, and of each attribute name, type and value."""
    parts = [part for name, value in attributes.items() for part in (name, *value.values())]
    return len(body.encode()) + sum(len(part.encode()) for part in parts)


def message_of(received: Mapping[str, Any]) -> Message:
    """What ReceiveMessage returned."""
    headers = {
        name: unquote(value["StringValue"]) if value["DataType"] == ENCODED else value["StringValue"]
        for name, value in received.get("MessageAttributes", {}).items()
        if value.get("DataType") in {TEXT, ENCODED} and "StringValue" in value
    }
    system = received.get("Attributes", {})
    sent_at = datetime.fromtimestamp(int(system.get("SentTimestamp", 0)) / 1_000, UTC)
    return Message(
        received["MessageId"],
        storable(received["Body"]),
        moment_of(headers.pop(ENQUEUED_AT, "")) or sent_at,
        int(system.get("ApproximateReceiveCount", 0)),
        headers,
    )


def storable(body: str) -> str:
    """The body if Postgres can keep it as JSON, else all of it as one JSON string: so it can be a dead letter."""
    try:
        orjson.loads(body)
    except ValueError:
        return orjson.dumps(body).decode()
    return orjson.dumps(body).decode() if NUL_ESCAPE.search(body) else body


def _attribute(value: str) -> dict[str, str]:
    if FORBIDDEN.search(value) is None:
        return {"DataType": TEXT, "StringValue": value}
    return {"DataType": ENCODED, "StringValue": quote(value, safe="")}
