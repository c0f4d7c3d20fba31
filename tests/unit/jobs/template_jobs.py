"""Jobs for the template's tests: one of each kind."""

from dataclasses import replace
from typing import Any

from pydantic import AwareDatetime

from clarivum.jobs import Job, Payload, Run, job


class Plain(Payload):
    key: str


class Many(Payload):
    key: str


class Long(Payload):
    key: str


class Tick(Payload):
    schema_version = 3
    upcasts = {1: dict, 2: dict}
    due_at: AwareDatetime


@job(Plain, name="notes.plain", key="key")
async def plain(payload: Plain, run: Run) -> None:
    """Do it: "quoted", {braced}, # and all."""


@job(Many, name="notes.many_at_once", key="key", batch=50, concurrency=1)
async def many(payload: Many, run: Run) -> None:
    """Do many."""


@job(Long, name="notes.long", key="key", timeout_s=600, concurrency=7)
async def long(payload: Long, run: Run) -> None:
    """Take ten minutes."""


@job(Tick, name="notes.tick", key="due_at", schedule="0 3 * * *", timezone="Europe/Warsaw", missed="once")
async def tick(payload: Tick, run: Run) -> None:
    """Every night."""


JOBS: dict[str, Job[Any]] = {each.name: each.owned_by("platform") for each in (plain, many, long, tick)}
TARGET = "tests.unit.jobs.template_jobs:application"


def changed(job: Job[Any], **fields: Any) -> Job[Any]:
    return replace(job, **fields)
