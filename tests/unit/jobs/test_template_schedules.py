"""Cron expressions as EventBridge writes them, and the message that a schedule sends."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ministack.services import eventbridge

from clarivum.errors import DeclarationError
from clarivum.jobs.cron import parse_schedule
from clarivum.jobs.infrastructure import template
from clarivum.jobs.infrastructure.schedules import SCHEDULED_TIME, event_bridge_cron, tick_message
from clarivum.jobs.lambda_handler.event import read_event
from clarivum.jobs.message import read
from tests.unit.jobs.template_jobs import JOBS, TARGET, changed, tick

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
WRITTEN = {
    "0 3 * * *": "cron(0 3 * * ? *)",
    "*/15 * * * *": "cron(0/15 * * * ? *)",
    "5-59/10 8-18 * * 1-5": "cron(5/10 8-18 ? * MON,TUE,WED,THU,FRI *)",
    "30 6 1,15 * *": "cron(30 6 1,15 * ? *)",
    "0 0 L * *": "cron(0 0 L * ? *)",
    "0 22 * * 5-7": "cron(0 22 ? * SUN,FRI,SAT *)",
    "0 22 * * 0": "cron(0 22 ? * SUN *)",
    "0 9 * * MON#1": "cron(0 9 ? * 2#1 *)",
    "0 9 * * 5L": "cron(0 9 ? * 6L *)",
    "0 12 * */3 *": "cron(0 12 * 1/3 ? *)",
    "17 4 29 2 *": "cron(17 4 29 2 ? *)",
    "0 3 * * 0-6": "cron(0 3 * * ? *)",
}


@pytest.mark.parametrize("expression", WRITTEN)
def test_the_same_ticks_by_another_reading(expression: str) -> None:
    """ministack reads EventBridge's expressions with code of its own."""
    schedule = parse_schedule(expression, "UTC", "skip", now=NOW)
    fields = eventbridge._parse_cron_fields(event_bridge_cron(schedule))
    assert fields is not None
    ours = theirs = NOW
    for _ in range(100 if expression.count("*") > 3 else 8):
        ours, theirs = schedule.next_tick(ours), eventbridge._cron_next_fire(fields, theirs)
        assert theirs == ours
        if ours.year > 2028:
            break


@pytest.mark.parametrize(("expression", "written"), WRITTEN.items())
def test_how_it_is_written(expression: str, written: str) -> None:
    assert event_bridge_cron(parse_schedule(expression, "UTC", "skip", now=NOW)) == written


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("*/10 * * * * *", "it names seconds"),
        ("0 3 1 * MON", "not both"),
        ("0 3 */2 * MON", "not both"),
        ("0 3 1,L * *", "only by itself"),
        ("0 3 * * MON#1,FRI#1", "by itself"),
    ],
)
def test_what_event_bridge_has_no_expression_for_is_refused_naming_the_job(expression: str, said: str) -> None:
    job = changed(tick, schedule=parse_schedule(expression, "UTC", "skip", now=NOW))
    with pytest.raises(DeclarationError) as refused:
        template({job.name: job}, TARGET)
    assert "job notes.tick" in refused.value.detail
    assert said in refused.value.detail


def test_the_resource() -> None:
    schedule: dict[str, Any] = template(JOBS, TARGET)["Resources"]["NotesTickSchedule"]["Properties"]
    assert schedule["ScheduleExpression"] == "cron(0 3 * * ? *)"
    assert schedule["ScheduleExpressionTimezone"] == "Europe/Warsaw"
    assert schedule["FlexibleTimeWindow"] == {"Mode": "OFF"}
    assert schedule["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}


def test_the_tick_is_the_message_that_our_scheduler_enqueues() -> None:
    """EventBridge puts in the time; the run is then the one of the scheduler's own message, whichever comes first."""
    due_at = datetime(2026, 11, 27, 2, tzinfo=UTC)
    request = json.loads(tick_message(tick, "https://queue").replace(SCHEDULED_TIME, "2026-11-27T02:00:00Z"))
    record = {
        "messageId": "m", "receiptHandle": "r", "body": request["MessageBody"], "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:eu-central-1:000000000000:notes_tick",
        "messageAttributes": {
            name: {"dataType": value["DataType"], "stringValue": value["StringValue"]}
            for name, value in request["MessageAttributes"].items()
        },
    }  # fmt: skip
    [delivery] = read_event({"Records": [record]})
    understood = read(tick, delivery.message)
    assert understood.payload == tick.payload(due_at=due_at)
    assert understood.key == tick.key_of(tick.payload(due_at=due_at))
