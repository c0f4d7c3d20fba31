"""The event of an SQS queue: what is read of it, and what is refused."""

from datetime import UTC, datetime
from typing import Any

import pytest

from clarivum.jobs.lambda_handler.event import EventError, read_event

QUEUE = "arn:aws:sqs:eu-central-1:000000000000:staging-leads_enrich"


def record(**changes: Any) -> dict[str, Any]:
    whole = {
        "messageId": "m1",
        "receiptHandle": "r1",
        "body": '{"lead_id": 1}',
        "attributes": {"SentTimestamp": "1764115200000", "ApproximateReceiveCount": "1"},
        "messageAttributes": {
            "job": {"dataType": "String", "stringValue": "leads.enrich", "stringListValues": []},
            "traceparent": {"dataType": "String.uri", "stringValue": "a%20b"},
            "picture": {"dataType": "Binary", "binaryValue": "AAAA"},
        },
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "eu-central-1",
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def test_a_record_is_a_message_and_its_receipt() -> None:
    [delivery] = read_event({"Records": [record()]})
    assert (delivery.queue, delivery.receipt, delivery.receives) == ("staging-leads_enrich", "r1", 1)
    message = delivery.message
    assert (message.id, message.body, message.is_first_delivery) == ("m1", '{"lead_id": 1}', True)
    assert message.enqueued_at == datetime(2025, 11, 26, tzinfo=UTC)
    assert message.headers == {"job": "leads.enrich", "traceparent": "a b"}


def test_of_one_message_twice_the_last_receipt_counts() -> None:
    received = read_event({"Records": [record(), record(messageId="m2"), record(receiptHandle="r2")]})
    assert [(each.message.id, each.receipt) for each in received] == [("m1", "r2"), ("m2", "r1")]


def test_attributes_may_be_absent() -> None:
    [delivery] = read_event({"Records": [record(attributes=None, messageAttributes=None, awsRegion=None)]})
    assert (delivery.receives, delivery.message.is_first_delivery, delivery.message.headers) == (0, False, {})


@pytest.mark.parametrize(
    ("event", "said"),
    [
        (None, "expected {\"Records\": [...]}"),
        ([], "expected {\"Records\": [...]}"),
        ({"Records": {}}, "expected {\"Records\": [...]}"),
        ({"Records": [1]}, "eventSource of record 0"),
        ({"Records": [record(), record(eventSource="aws:s3")]}, "record 1 is not 'aws:sqs' but 'aws:s3'"),
        ({"Records": [record(messageId=None)]}, "record 0 has no messageId"),
        ({"Records": [record(body=7)]}, "record 0 has no body"),
        ({"Records": [record(eventSourceARN=None)]}, "record 0 has no eventSourceARN"),
        ({"Records": [record(receiptHandle=None)]}, "record 0 has no receiptHandle"),
        ({"Records": [record(attributes=[])]}, "attributes of record 0 is no object"),
        ({"Records": [record(messageAttributes={"job": "x"})]}, "messageAttributes of record 0"),
        ({"Records": [record(messageAttributes=["x"])]}, "messageAttributes of record 0"),
        ({"Records": [record(attributes={"SentTimestamp": "soon"})]}, "SentTimestamp of record 0 is no number"),
        ({"Records": [record(eventSourceARN=QUEUE + ".fifo")]}, "is a FIFO queue"),
    ],
)  # fmt: skip
def test_what_is_no_sqs_event_is_refused_by_name(event: object, said: str) -> None:
    with pytest.raises(EventError) as refused:
        read_event(event)
    assert said in str(refused.value)
    assert "lead_id" not in str(refused.value), "a payload is not repeated"
