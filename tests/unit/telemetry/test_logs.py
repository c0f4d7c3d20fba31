"""One JSON document a line, with the trace it belongs to, scrubbed, whoever logs and whatever it holds."""

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import orjson
import structlog
from hypothesis import given
from hypothesis import strategies as st

from clarivum.telemetry import get_logger, http_server, job_process, write_job_line
from clarivum.telemetry.line_writer import DirectWriter
from clarivum.telemetry.log_pipeline import LEVELS, MAX_LINE_BYTES, PIPELINE, render_json
from clarivum.telemetry.standard_logging import capture, capture_uncaught, release
from clarivum.telemetry.structured import console_renderer, set_level
from clarivum.testing.telemetry import captured_logs

log = get_logger("clarivum.tests")


@contextmanager
def as_in_a_process() -> Iterator[None]:
    """The standard library's loggers as in a running process, without the handlers that pytest adds for each test."""
    root = logging.getLogger()
    level = root.level
    logging.captureWarnings(False)  # pytest undoes what an earlier test switched on, and logging does not notice
    capture("info")
    try:
        yield
    finally:
        release()
        root.setLevel(level)


def test_the_fields_of_a_line(logs):
    log.info("lead captured", source="readme", count=3)
    (event,) = logs.events
    assert list(event) == ["timestamp", "level", "event", "logger", "service", "source", "count"]
    assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
    assert (event["level"], event["event"], event["logger"]) == ("info", "lead captured", "clarivum.tests")
    assert (event["source"], event["count"]) == ("readme", 3)


def test_inside_a_request_a_line_carries_its_ids(logs):
    request = http_server("GET", "/x")
    log.info("inside")
    request.finish(200)
    log.info("outside")
    inside, access, outside = logs.events
    assert inside["trace_id"] == access["trace_id"] == request.trace_id_hex
    assert inside["span_id"] == access["span_id"] == request.span_id_hex
    assert "trace_id" not in outside


def test_the_access_line(logs):
    http_server("POST", "/api/v1/leads").finish(422, "validation_failed")
    (event,) = logs.events
    assert event["duration_ms"] >= 0
    assert {key: event[key] for key in ("level", "event", "logger", "method", "route", "status", "error_type")} == {
        "level": "info",
        "event": "request",
        "logger": "clarivum.access",
        "method": "POST",
        "route": "/api/v1/leads",
        "status": 422,
        "error_type": "validation_failed",
    }


def test_without_access_lines_there_is_none():
    with captured_logs(access_lines=False) as logs:
        http_server("GET", "/x").finish(200)
    assert logs.lines == []


def test_the_line_of_a_finished_job_is_what_a_logger_would_write(logs, monkeypatch):
    set_level("info", cache=False)  # whatever the tests before have left
    monkeypatch.setattr(PIPELINE, "min_level", LEVELS["info"])
    fields = {"job": "leads.enrich", "run_id": "0980216a-0036-87a3-a33b-a98d91d12141", "attempt": 2}
    with job_process("leads.enrich", "leads_enrich", "pgmq", 42, 2, producer_traceparent=None) as observation:
        write_job_line(observation, **fields)
        get_logger("clarivum.jobs").info("job done", **fields)
    ours, theirs = ({name: value for name, value in event.items() if name != "timestamp"} for event in logs.events)
    assert ours == theirs
    monkeypatch.setattr(PIPELINE, "min_level", LEVELS["warning"])
    write_job_line(observation, **fields)
    assert len(logs.lines) == 2


def test_values_are_scrubbed_wherever_they_are(logs):
    log.info("hello a@b.co", who="c@d.co", password="x", deep={"token": "t", "list": ["e@f.co", ("g@h.co",)]})
    (event,) = logs.events
    assert (event["event"], event["who"], event["password"]) == ("hello ***", "***", "***")
    assert event["deep"] == {"token": "***", "list": ["***", ["***"]]}


def test_fixed_fields_cannot_be_taken(logs):
    log.info("x", level="fatal", timestamp=1, service="other", trace_id="y")
    (event,) = logs.events
    assert (event["level"], event["level_"], event["timestamp_"], event["service_"]) == ("info", "fatal", 1, "other")
    assert event["trace_id_"] == "y"


def test_an_exception_with_its_causes(logs):
    def store() -> None:
        try:
            raise ValueError("Key (email)=(a@b.co) already exists.")  # noqa: TRY301
        except ValueError as error:
            error.add_note("while storing c@d.co")
            raise RuntimeError("Bearer abcdef") from error

    try:
        store()
    except RuntimeError:
        log.exception("failed")
    (event,) = logs.events
    assert event["exception_type"] == "RuntimeError"
    text = event["exception"]
    assert re.search(r"ValueError: Key \(email\)=\(\*\*\*\) already exists\.\nwhile storing \*\*\*", text)
    assert text.index("ValueError") < text.index("direct cause") < text.index("RuntimeError: Bearer ***")
    assert "test_logs.py" in text


def test_groups_and_contexts_are_shown(logs):
    group = ExceptionGroup("several", [ValueError("a@b.co"), TimeoutError("slow")])
    group.__context__ = KeyError("first")
    log.error("failed", exc_info=group)
    text = logs.events[0]["exception"]
    assert "KeyError: 'first'" in text
    assert "During handling" in text
    assert "  | ValueError: ***" in text
    assert "  | TimeoutError: slow" in text


def test_a_cycle_of_causes_ends(logs):
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    log.error("failed", exc_info=first)
    assert logs.events[0]["exception"].count("ValueError") == 8


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("cannot")


def test_what_cannot_be_shown_does_not_break_the_line(logs):
    log.error("failed", exc_info=Broken(), thing=Broken())
    (event,) = logs.events
    assert event["thing"] == "<Broken>"
    assert "cannot be shown as text" in event["exception"]


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()) | st.binary() | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters()) | st.integers(), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(event=st.text(st.characters()), value=anything)
def test_every_event_is_one_line_of_json(event: str, value: object):
    with captured_logs() as logs:
        log.info(event, value=value)
    (line,) = logs.lines
    assert b"\n" not in line
    assert orjson.loads(line)["logger"] == "clarivum.tests"


def test_a_huge_event_is_cut_to_its_fixed_fields(logs):
    log.info("big", items=["x" * 1_000] * 150)
    (line,) = logs.lines
    assert len(line) < MAX_LINE_BYTES
    assert logs.events[0]["event"] == "big"
    assert logs.events[0]["left_out_bytes"] > MAX_LINE_BYTES


def test_a_change_of_level_reaches_loggers_that_exist(logs):
    log.debug("unseen")
    set_level("debug")
    log.debug("seen")
    set_level("error")
    log.warning("unseen")
    set_level("info")
    assert [event["event"] for event in logs.events] == ["seen"]


def test_bound_fields_and_plain_structlog_take_the_same_way(logs):
    log.bind(job="leads.enrich").warning("late", token="x")
    structlog.get_logger("plain").info("hello a@b.co")
    late, hello = logs.events
    assert (late["level"], late["job"], late["token"]) == ("warning", "leads.enrich", "***")
    assert (hello["event"], hello["logger"]) == ("hello ***", "plain")


def raise_value_error() -> None:
    raise ValueError("c@d.co")


def test_the_standard_library_takes_the_same_way(logs):
    uvicorn = logging.getLogger("uvicorn.error")
    request = http_server("GET", "/x")
    with as_in_a_process():
        uvicorn.warning("signed in: %s", "a@b.co", stack_info=True)
        try:
            raise_value_error()
        except ValueError:
            uvicorn.exception("failed")
        uvicorn.info("broken %d", "not a number")
        uvicorn.log(35, "between")
        warnings.warn("careful, e@f.co", stacklevel=1)
    # What an earlier test of this process left running may say something, too.
    ours = [event for event in logs.events if event["logger"] in {"uvicorn.error", "py.warnings"}]
    first, second, third, fourth, fifth = ours
    assert (first["event"], first["level"], first["logger"]) == ("signed in: ***", "warning", "uvicorn.error")
    assert first["trace_id"] == request.trace_id_hex
    assert "test_logs.py" in first["stack"]
    assert second["exception"].endswith("ValueError: ***")
    assert third["event"] == "broken %d"
    assert fourth["level"] == "warning"
    assert "careful, ***" in fifth["event"]
    request.finish(200)


def test_what_libraries_say_in_detail_is_left_out(logs):
    with as_in_a_process():
        for name in ("httpx", "botocore.auth", "urllib3.connectionpool", "uvicorn.access", "opentelemetry.exporter"):
            logging.getLogger(name).info("GET https://x/?token=abc")
            logging.getLogger(name).debug("headers")
    assert logs.lines == []


def test_an_uncaught_exception_is_logged_scrubbed(logs):
    import sys
    import threading

    capture_uncaught()
    try:
        sys.excepthook(ValueError, ValueError("a@b.co"), None)
        thread = threading.Thread(target=lambda: int("x@y.zz"), name="reader")
        thread.start()
        thread.join()
    finally:
        release()
    uncaught, in_thread = logs.events
    assert (uncaught["level"], uncaught["exception"]) == ("critical", "ValueError: ***")
    assert (in_thread["thread"], in_thread["exception_type"]) == ("reader", "ValueError")
    assert "x@y.zz" not in in_thread["exception"]


def test_lines_for_people(logs, monkeypatch):
    monkeypatch.setattr(PIPELINE, "render", console_renderer(0))
    log.info("lead captured", source="readme", who="a@b.co")
    http_server("GET", "/x").finish(200)
    for line, words in zip(
        logs.lines, (["lead captured", "source=readme", "who=***"], ["request", "status=200"]), strict=True
    ):
        text = re.sub(r"\x1b\[[0-9;]*m", "", line.decode())
        assert re.match(r"\d\d:\d\d:\d\d\.\d{3} \[info", text)
        assert all(word in text for word in words)


def test_before_configure_lines_go_to_standard_error_at_once(monkeypatch, capsys):
    monkeypatch.setattr(PIPELINE, "writer", DirectWriter())
    log.info("early", who="a@b.co", text="é\ud800")
    out, err = capsys.readouterr()
    assert out == ""
    assert orjson.loads(err)["who"] == "***"


def test_what_json_cannot_hold_is_replaced():
    line = render_json({"a": "\ud800", "b": 2**70, "c": [{"d": -(2**63)}], "e": float("nan"), "f": True})
    assert orjson.loads(line) == {"a": "?", "b": "400000000000000000", "c": [{"d": -(2**63)}], "e": None, "f": True}
