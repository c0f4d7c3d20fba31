"""Payload versions: the committed schemas, upcasts, and what a change is told."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from clarivum.checks.payloads import incompatibilities
from clarivum.errors import ConfigurationError, DeclarationError
from clarivum.jobs import Job, Payload, PayloadError, Run, job
from clarivum.jobs.committed import Committed, parse, read_folder, wanted
from clarivum.jobs.message import Message, read


def declared(payload: type[Payload], key: str = "key") -> Job[Any]:
    @job(payload, name="drill.versions", key=key)
    async def handler(payload: Payload, run: Run) -> None: ...

    return handler


class First(Payload):
    key: str


class Renamed(Payload):
    key: str
    audience: str


class Second(Renamed):
    schema_version = 2
    upcasts: ClassVar = {1: lambda old: {**old, "audience": "unknown"}}


class Third(Payload):
    schema_version = 3
    upcasts: ClassVar = {
        1: lambda old: {**old, "audience": "unknown"},
        2: lambda old: {"key": old["key"], "audiences": [old["audience"]]},
    }
    key: str
    audiences: list[str]


def message(body: str, **headers: str) -> Message:
    return Message("1", body, datetime(2026, 11, 1, tzinfo=UTC), 1, headers)


# -- upcasts ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("version", "body"),
    [("1", {"key": "a"}), ("2", {"key": "a", "audience": "unknown"}), ("3", {"key": "a", "audiences": ["unknown"]})],
)
def test_an_older_message_is_brought_up_step_by_step(version: str, body: dict[str, Any]) -> None:
    request = read(declared(Third), message(json.dumps(body), schema_version=version))
    assert request.payload == Third(key="a", audiences=["unknown"])


@pytest.mark.parametrize("body", ['{"key": "a"}', "[]", "null", "{", '{"audience": 1}'])
def test_an_upcast_that_fails_is_terminal_and_tells_no_value(body: str) -> None:
    with pytest.raises(PayloadError) as refused:
        read(declared(Third), message(body, schema_version="2"))
    assert "a" not in {violation.message for violation in refused.value.violations}


@pytest.mark.parametrize("versions", [{2: dict}, {0: dict}, {"1": dict}])
def test_an_upcast_from_a_version_that_never_was_stops_the_start(versions: Mapping[Any, Any]) -> None:
    class Odd(Payload):
        schema_version = 2
        upcasts: ClassVar = versions
        key: str

    with pytest.raises(DeclarationError, match="upcasts"):
        declared(Odd)


# -- what a change is told --------------------------------------------------------------------------------------------
def told(before: type[Payload], after: type[Payload], *, key: str = "key") -> list[str]:
    return list(incompatibilities(declared(after, key), wanted(declared(before), None)))


class Optional(Payload):
    key: str
    audience: str = "unknown"


class Forgetful(Renamed):
    schema_version = 2


class Wrong(Renamed):
    schema_version = 2
    upcasts: ClassVar = {1: lambda old: {**old, "audience": 7}}


class Keyed(Payload):
    key: str
    other: str = "x"


def test_a_field_with_a_default_and_an_upcast_are_fine() -> None:
    assert told(First, First) == told(First, Optional) == told(First, Second) == told(First, Third) == []


def test_a_required_field_asks_for_a_version_and_an_upcast() -> None:
    [reason] = told(First, Renamed)
    assert reason == (
        "messages of version 1 would fail at /audience: the field is required; raise schema_version and give an upcast"
    )


def test_a_version_alone_does_not_help_what_is_queued() -> None:
    [reason] = told(First, Forgetful)
    assert reason.endswith("give an upcast from it")


def test_an_upcast_is_tried() -> None:
    [reason] = told(First, Wrong)
    assert reason.startswith("an example message of version 1 fails after its upcasts")
    assert reason.endswith("/audience")


def test_neither_key_nor_version_may_turn_back() -> None:
    assert "key was 'key' and is 'other'" in told(Keyed, Keyed, key="other")[0]
    assert told(Second, Renamed) == ["schema_version went back from 2 to 1: workers would leave what is queued"]


def test_versions_that_were_left_behind_are_kept_and_still_looked_at(tmp_path: Path) -> None:
    first = wanted(declared(First), None)
    second = wanted(declared(Second), first)
    assert (second.version, second.older) == (2, {1: first.schema})
    third = wanted(declared(Third), second)
    assert list(third.older) == [1, 2]

    class Forgotten(Payload):
        schema_version = 3
        upcasts: ClassVar = {2: lambda old: {"key": old["key"], "audiences": [old["audience"]]}}
        key: str
        audiences: list[str]

    [reason] = incompatibilities(declared(Forgotten), third)
    assert reason.startswith("an example message of version 1 fails after its upcasts")


# -- files ------------------------------------------------------------------------------------------------------------
def test_a_file_reads_back_as_it_was_written(tmp_path: Path) -> None:
    committed = wanted(declared(Third), wanted(declared(First), None))
    path = tmp_path / committed.path
    path.parent.mkdir(parents=True)
    path.write_text(committed.text(), encoding="utf-8")
    assert read_folder(tmp_path) == {"drill.versions": committed}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"job": "a"}', "{", '{"older": 1}'])
def test_a_file_that_is_none_of_ours_is_named(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"clients/payloads/a\.json is not"):
        parse(text, "clients/payloads/a.json")


def test_an_empty_folder_is_no_fault(tmp_path: Path) -> None:
    assert read_folder(tmp_path) == {}
    assert Committed("a.b", "a_b", "key", 1, {}).path == Path("clients/payloads/a.b.json")
