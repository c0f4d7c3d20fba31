"""The event by which SQS invokes a function, read into messages. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from clarivum.jobs.message import Message
from clarivum.jobs.transports.sqs.envelope import message_of

SOURCE = "aws:sqs"
FIFO_SUFFIX = ".fifo"


class EventError(ValueError):
    """The function was invoked with something else than messages of a standard SQS queue."""


class Delivery(NamedTuple):
    """One record: the message, and what SQS wants to know it by."""

    message: Message
    queue: str
    """The queue's name on SQS, with its prefix."""
    region: str
    receipt: str
    receives: int
    """How often SQS has delivered it, this time included."""


def read_event(event: object) -> list[Delivery]:
    """The deliveries, in the event's order; of several with one message id the last, whose receipt is the valid one.

    Raises EventError, which never holds what the event said.
    """
    records = event.get("Records") if isinstance(event, Mapping) else None
    if not isinstance(records, list):
        raise EventError(
            'not an SQS event: expected {"Records": [...]}; give the function an event source mapping of a job\'s queue'
        )
    found: dict[str, Delivery] = {}
    for place, record in enumerate(records):
        delivery = _delivery(place, record)
        found[delivery.message.id] = delivery
    return list(found.values())


def _delivery(place: int, record: object) -> Delivery:
    if not isinstance(record, Mapping) or record.get("eventSource") != SOURCE:
        source = record.get("eventSource") if isinstance(record, Mapping) else None
        shown = f" but {source!r}" if isinstance(source, str) and len(source) <= 40 else ""
        raise EventError(f"not an SQS event: eventSource of record {place} is not {SOURCE!r}{shown}")
    attributes = _mapping(record, "attributes", place)
    sent_at, receives = (_number(attributes, name, place) for name in ("SentTimestamp", "ApproximateReceiveCount"))
    name = _text(record, "eventSourceARN", place).rpartition(":")[2]
    if name.endswith(FIFO_SUFFIX):
        raise EventError(
            f"{name} is a FIFO queue: jobs run in no order, so their queues are standard ones; the ledger keeps a job"
            " from having its effect twice"
        )
    message = message_of(
        {
            "MessageId": _text(record, "messageId", place),
            "Body": _text(record, "body", place),
            "Attributes": {"SentTimestamp": str(sent_at), "ApproximateReceiveCount": str(receives)},
            "MessageAttributes": {
                key: _attribute(value, place) for key, value in _mapping(record, "messageAttributes", place).items()
            },
        }
    )
    return Delivery(message, name, str(record.get("awsRegion", "")), _text(record, "receiptHandle", place), receives)


def _attribute(value: object, place: int) -> dict[str, Any]:
    """As ReceiveMessage writes it; what is binary has no StringValue and is passed over."""
    if not isinstance(value, Mapping):
        raise EventError(f"not an SQS event: messageAttributes of record {place} hold something else than attributes")
    text = value.get("stringValue")
    return {"DataType": value.get("dataType")} | ({"StringValue": text} if isinstance(text, str) else {})


def _mapping(record: Mapping[str, Any], name: str, place: int) -> Mapping[str, Any]:
    value = record.get(name, {})
    if not isinstance(value, Mapping):
        raise EventError(f"not an SQS event: {name} of record {place} is no object")
    return value


def _text(record: Mapping[str, Any], name: str, place: int) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise EventError(f"not an SQS event: record {place} has no {name}")
    return value


def _number(attributes: Mapping[str, Any], name: str, place: int) -> int:
    """A missing one is 0: tests and people write events without."""
    text = str(attributes.get(name, "0"))
    if not (text.isascii() and text.isdigit() and len(text) <= 15):
        raise EventError(f"not an SQS event: {name} of record {place} is no number")
    return int(text)
