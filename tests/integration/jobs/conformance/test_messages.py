"""What is sent is what arrives: bodies, headers, times, numbers."""

import json
from datetime import UTC, datetime

import pytest

from tests.integration.jobs.conformance.conftest import Line, bodies
from tests.integration.jobs.drill_jobs import quick

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = {
    "job": "drill.quick",
    "schema_version": "1",
    "traceparent": TRACEPARENT,
    "tracestate": "vendor=1,other=2",
    "baggage": "who=somebody%20else",
    "due_at": "2026-11-26T00:00:00+00:00",
}


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"key": "a"},
        {"key": "zażółć gęślą jaźń 🦊 漢字 \u202e"},
        {"key": 'quotes " and \\ and / and <&>'},
        {"key": "tab\t newline\n return\r"},
        {"key": "control \u0001 \u0008 \u001f \u007f \u0085"},
        {"key": "noncharacters \ufffe \uffff and \U0010ffff"},
        {"number": 12345678901234567890, "small": -1, "half": 0.5, "nothing": None, "yes": True},
        {"deep": [[[[[[{"a": [1, 2, {"b": []}]}]]]]]]},
        {"key": "x" * 250_000},
        {"key": "ż" * 120_000},
    ],
    ids=["empty", "plain", "unicode", "quotes", "space", "control", "nonchar", "numbers", "deep", "256k", "utf8"],
)
async def test_a_body_arrives_as_it_was_sent(line: Line, payload: dict[str, object]) -> None:
    await line.send(json.dumps(payload, ensure_ascii=False))
    [message] = await line.receive(1)
    assert json.loads(message.body or "") == payload


async def test_ten_of_the_largest_bodies_go_at_once(line: Line) -> None:
    """More than one batch call may carry."""
    await line.send(*(json.dumps({"key": str(number) + "x" * 240_000}) for number in range(10)))
    messages = await line.receive(10)
    assert sorted(json.loads(body or "")["key"][0] for body in bodies(messages)) == [str(n) for n in range(10)]


async def test_headers_arrive(line: Line) -> None:
    await line.send("{}", headers={**HEADERS, "key": "lead-1", "run_id": "4b26c077-f3d7-8f8e-8965-cb7b5290a68f"})
    [message] = await line.receive(1)
    assert message.headers == HEADERS


@pytest.mark.parametrize("value", ["ż 🦊", "a%20b+c", "\u0001\u001f", "\ufffe", " "], ids=repr)
async def test_a_header_of_any_characters_arrives(line: Line, value: str) -> None:
    await line.send("{}", headers={"baggage": value})
    [message] = await line.receive(1)
    assert message.headers == {"baggage": value}


async def test_a_key_of_any_characters_is_no_obstacle(line: Line) -> None:
    await line.send("{}", headers={**HEADERS, "key": "\u0001 \ufffe ż" * 20})
    [message] = await line.receive(1)
    assert message.headers == HEADERS


async def test_without_headers_there_are_none(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    assert message.headers == {}


async def test_more_headers_than_sqs_carries_leave_the_needed_ones(line: Line) -> None:
    extra = {f"a{number}": "x" for number in range(12)}
    await line.send("{}", headers={**extra, **HEADERS})
    [message] = await line.receive(1)
    assert message.headers == HEADERS


async def test_every_delivery_has_the_same_id_and_time_and_counts(line: Line) -> None:
    before = datetime.now(UTC)
    await line.send("{}")
    deliveries = []
    for _ in range(3):
        [message] = await line.receive(1)
        deliveries.append(message)
        await line.transport.postpone(quick, [message.id], 0)
    assert len({message.id for message in deliveries}) == 1
    assert len({message.enqueued_at for message in deliveries}) == 1
    assert [message.receives for message in deliveries] == [1, 2, 3]
    assert [message.is_first_delivery for message in deliveries] == [True, False, False]
    assert before <= deliveries[0].enqueued_at <= datetime.now(UTC)


async def test_two_messages_have_two_ids(line: Line) -> None:
    await line.send('{"key": "a"}', '{"key": "a"}')
    first, second = await line.receive(2)
    assert first.id != second.id
