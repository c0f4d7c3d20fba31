"""A job's schedule as an EventBridge schedule: it sends SQS the message that our scheduler would have enqueued.

The tick is the idempotency key, so a tick that is sent twice, or by a worker's scheduler too, has one effect.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from cronsim import CronSim

from clarivum.errors import DeclarationError
from clarivum.jobs.cron import LATE_BY_AT_MOST, Missed, Schedule
from clarivum.jobs.declaration import Job
from clarivum.jobs.message import JOB, SCHEMA_VERSION

ANY_MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Replaced by EventBridge: the tick in UTC, like 2026-11-26T03:00:00Z.
https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html"""
SEND_MESSAGE = "arn:${AWS::Partition}:scheduler:::aws-sdk:sqs:sendMessage"
MAX_EXPRESSION_CHARACTERS = 256
MAX_RETRIES = 185
DAY_S = 86_400
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
LAST_DAY, LAST_WORKDAY = -1000, -1001
"""How cronsim writes L and LW."""
MONTHS = range(1, 13)
STEPS_FROM = 3
"""So many values at equal distances are written as a range or a step."""


def event_bridge_cron(schedule: Schedule) -> str:
    """`0 3 * * *` gives `cron(0 3 * * ? *)`. Raises ValueError where EventBridge has no expression for it."""
    read = CronSim(schedule.expression, ANY_MOMENT)
    if read.seconds != {0}:
        raise ValueError("EventBridge fires at most once a minute; it names seconds")
    every_day, every_weekday = read.days == set(range(1, 32)), read.weekdays >= set(range(7))
    if not every_day and not every_weekday:
        raise ValueError("EventBridge takes a day of the month or of the week, not both; make it two jobs")
    days = "*" if every_day else _days(read.days)
    weekdays = "?"
    if not every_weekday:
        days, weekdays = "?", _weekdays(read.weekdays)
    parts = (
        _steps(read.minutes, range(60)),
        _steps(read.hours, range(24)),
        days,
        _steps(read.months, MONTHS),
        weekdays,
    )
    expression = f"cron({' '.join(parts)} *)"
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        raise ValueError(
            f"EventBridge takes at most {MAX_EXPRESSION_CHARACTERS} characters; this would be {expression}"
        )
    return expression


def schedule_resource(job: Job[Any], queue_id: str, role_id: str) -> dict[str, Any]:
    """The AWS::Scheduler::Schedule of a job that has one. Raises DeclarationError naming the job.

    A tick that cannot be sent is given up after a minute where the job skips missed ticks, else after a day.
    """
    schedule = job.schedule
    assert schedule is not None
    try:
        expression = event_bridge_cron(schedule)
    except ValueError as error:
        raise DeclarationError(
            f"{job.file}:{job.line}: job {job.name}: its schedule {schedule.expression!r} cannot be given to"
            f" EventBridge: {error}"
        ) from None
    patient = schedule.missed is Missed.ONCE
    age_s = DAY_S if patient else int(LATE_BY_AT_MOST.total_seconds())
    return {
        "Type": "AWS::Scheduler::Schedule",
        "Properties": {
            "Description": f"{job.name}: {schedule.expression} ({schedule.timezone}), missed ticks: {schedule.missed}",
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": schedule.timezone,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "State": {"Ref": "SchedulesState"},
            "Target": {
                "Arn": {"Fn::Sub": SEND_MESSAGE},
                "RoleArn": {"Fn::GetAtt": [role_id, "Arn"]},
                "Input": {"Fn::Sub": tick_message(job, f"${{{queue_id}}}")},
                "RetryPolicy": {
                    "MaximumEventAgeInSeconds": age_s,
                    "MaximumRetryAttempts": MAX_RETRIES if patient else 3,
                },
            },
        },
    }


def tick_message(job: Job[Any], queue_url: str) -> str:
    """The SendMessage request as JSON: our message, its key EventBridge's time of the tick."""
    headers = {JOB: job.name, SCHEMA_VERSION: str(job.payload.schema_version)}
    request = {
        "QueueUrl": queue_url,
        "MessageBody": json.dumps({job.key: SCHEDULED_TIME}),
        "MessageAttributes": {name: {"DataType": "String", "StringValue": value} for name, value in headers.items()},
    }
    return json.dumps(request)


def _steps(values: Iterable[int], whole: range) -> str:
    """`*`, `8-18`, `0/15`, or the values one by one."""
    ordered = sorted(values)
    if ordered == list(whole):
        return "*"
    step = ordered[1] - ordered[0] if len(ordered) >= STEPS_FROM else 0
    if step == 1 and ordered[-1] - ordered[0] == len(ordered) - 1:
        return f"{ordered[0]}-{ordered[-1]}"
    if step > 1 and ordered == list(range(ordered[0], whole.stop, step)):
        return f"{ordered[0]}/{step}"
    return ",".join(map(str, ordered))


def _days(values: Iterable[int]) -> str:
    special = {LAST_DAY: "L", LAST_WORKDAY: "LW"}
    ordered = sorted(values)
    if len(ordered) > 1 and ordered[0] in special:
        raise ValueError("EventBridge takes the last day of the month only by itself; make it two jobs")
    return special.get(ordered[0]) or ",".join(map(str, ordered))


def _weekdays(values: Iterable[Any]) -> str:
    """EventBridge counts from 1, Sunday; names leave no doubt, but L and # want numbers."""
    listed = list(values)
    if not all(isinstance(value, int) for value in listed):
        if len(listed) > 1:
            raise ValueError("EventBridge takes one `#` or `L` of a weekday by itself; make it two jobs")
        day, which = listed[0]
        return f"{day % 7 + 1}L" if which == LAST_DAY else f"{day % 7 + 1}#{which}"
    days = {value % 7 for value in listed}
    return ",".join(WEEKDAYS[day] for day in sorted(days))
