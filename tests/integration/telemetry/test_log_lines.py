"""Every line arrives, however the process ends."""

import orjson
import pytest


@pytest.mark.parametrize(
    ("ending", "code"), [("return", 0), ("exit", 3), ("uncaught", 1), ("terminated", 0), ("shutdown", 0)]
)
def test_no_line_is_lost_at_the_end(run, ending: str, code: int):
    ended = run("lines", "5000", ending)
    assert ended.code == code
    numbers = [event["number"] for event in ended.events if event["event"] == "line"]
    assert numbers == list(range(5_000))
    assert ended.err == b""
    if ending == "uncaught":
        assert ended.events[-1]["level"] == "critical"
        assert "RuntimeError: the end" in ended.events[-1]["exception"]


def test_without_a_collector_the_heavy_parts_are_not_loaded(run):
    heavy = [
        "rich",
        "opentelemetry.sdk",
        "requests",
        "google.protobuf",
        "prometheus_client",
        "litestar",
        "typer",
        "uvicorn",
    ]
    ended = run("loaded", *heavy)
    assert ended.events[-1]["modules"] == []


def test_lines_for_people(run):
    ended = run("request", CLARIVUM_LOG_FORMAT="console")
    assert b"[info     ] request" in ended.out
    assert b"\x1b[" not in ended.out


def test_a_commands_lines_leave_its_output_alone(run):
    ended = run("lines", "3", "return", ROLE="cli")
    assert ended.out == b""
    assert [orjson.loads(line)["number"] for line in ended.err.splitlines()] == [0, 1, 2]


def test_only_the_api_writes_access_lines(run):
    assert [event["event"] for event in run("many", "2", ROLE="worker").events] == []
    assert [event["event"] for event in run("many", "2", ROLE="api").events] == ["request", "request"]
