"""What a message looks like on SQS, how many go into a call, and what queues are called."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.errors import ConfigurationError
from clarivum.jobs.transports.sqs.batches import by_number, by_size
from clarivum.jobs.transports.sqs.envelope import (
    FORBIDDEN,
    attributes_of,
    body_of,
    message_of,
    size_bytes,
    storable,
)
from clarivum.jobs.transports.sqs.names import (
    MAX_QUEUE_NAME_CHARACTERS,
    sqs_dead_letter_queue_name,
    sqs_queue_name,
)

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def delivered(body: str, attributes: dict[str, dict[str, str]], receives: int = 1) -> dict[str, object]:
    system = {"SentTimestamp": "1795694400123", "ApproximateReceiveCount": str(receives)}
    return {"MessageId": "m", "Body": body, "MessageAttributes": attributes, "Attributes": system}


@given(text=ANY_TEXT)
def test_any_text_comes_through_and_nothing_that_sqs_refuses_is_sent(text: str) -> None:
    body = body_of(json.dumps({"key": text}, ensure_ascii=False))
    attributes = attributes_of({"baggage": text}, NOON)
    sent = [body, *(attribute["StringValue"] for attribute in attributes.values())]
    assert all(value and not FORBIDDEN.search(value) for value in sent)
    message = message_of(delivered(body, attributes))
    assert json.loads(message.body or "") == {"key": text}
    assert message.headers == ({"baggage": text} if text else {})
    assert (message.enqueued_at, message.is_first_delivery) == (NOON, True)


def test_a_message_that_nobody_of_us_sent() -> None:
    binary = {"picture": {"DataType": "Binary", "BinaryValue": "AAAA"}, "enqueued_at": {"DataType": "String"}}
    message = message_of(delivered("{}", binary, receives=2))
    assert (message.headers, message.is_first_delivery) == ({}, False)
    assert message.enqueued_at == datetime.fromtimestamp(1795694400.123, UTC)


@pytest.mark.parametrize("moment", ["", "yesterday", "2026-11-26T12:00:00"])
def test_an_enqueued_at_that_is_no_moment_counts_for_nothing(moment: str) -> None:
    message = message_of(delivered("{}", {"enqueued_at": {"DataType": "String", "StringValue": moment}}))
    assert message.enqueued_at == datetime.fromtimestamp(1795694400.123, UTC)


@pytest.mark.parametrize(
    "body", ["not JSON", "", "{", '{"a": "\\u0000"}', '"\\\\\\u0000"', '{"a": "\\ud800"}', "[" * 5_000, "NaN"]
)
def test_what_postgres_cannot_keep_as_json_is_kept_as_text(body: str) -> None:
    assert json.loads(storable(body)) == body


@pytest.mark.parametrize("body", ["{}", '{"a": "\\\\u0000"}', "17", '"text"', '{"a": "\\u0001"}'])
def test_everything_else_is_left_as_it_is(body: str) -> None:
    assert storable(body) == body


def test_the_size_is_counted_as_sqs_does() -> None:
    assert size_bytes("ż", {"name": {"DataType": "String", "StringValue": "ab"}}) == 2 + 4 + 6 + 2


@given(sizes=st.lists(st.integers(1, 400), max_size=60))
def test_slices_hold_everything_in_order_and_are_no_larger_than_a_call(sizes: list[int]) -> None:
    slices = list(by_size(len(sizes), sizes.__getitem__, 1_000))
    assert [position for some in slices for position in some] == list(range(len(sizes)))
    assert all(len(some) <= 10 and sum(sizes[position] for position in some) <= 1_000 for some in slices)


def test_what_is_larger_than_a_call_goes_alone() -> None:
    sizes = [10, 5_000, 10]
    assert list(by_size(3, sizes.__getitem__, 1_000)) == [[0], [1], [2]]


@pytest.mark.parametrize(("count", "lengths"), [(0, []), (1, [1]), (10, [10]), (11, [10, 1]), (25, [10, 10, 5])])
def test_tens(count: int, lengths: list[int]) -> None:
    assert [len(some) for some in by_number(count)] == lengths


def test_names_fit_sqs_with_the_longest_prefix_and_job() -> None:
    longest = sqs_dead_letter_queue_name("q" * 47, "p" * 28)
    assert len(longest) == MAX_QUEUE_NAME_CHARACTERS
    assert sqs_queue_name("leads_enrich", "staging-") == "staging-leads_enrich"


@pytest.mark.parametrize("prefix", ["p" * 29, "with space", "dot.", "ż", "a/b"])
def test_a_prefix_that_sqs_would_refuse(prefix: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_SQS_QUEUE_PREFIX"):
        sqs_queue_name("leads_enrich", prefix)
