"""The function as AWS's runtime client runs it: a process that is initialised, invoked again and again, and killed."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clarivum.testing.telemetry import Collector
from tests.integration.jobs.drill_jobs import Act, Fragile, Quick, act, fragile, quick
from tests.integration.jobs.lambda_drill import LambdaDrill, event, failed, lambda_drill
from tests.integration.jobs.runtime_api import FunctionError, RuntimeApi

__all__ = ["lambda_drill"]

READY_MADE = "clarivum.jobs.lambda_handler.handler"
OWN = "tests.integration.jobs.lambda_function.handler"
Function = Callable[..., RuntimeApi]


@pytest.fixture
def function(lambda_drill: LambdaDrill, tmp_path: Path) -> Iterator[Function]:
    running: list[RuntimeApi] = []

    def start(handler: str = OWN, **environ: str) -> RuntimeApi:
        own = {
            **lambda_drill.environ,
            "DATABASE_URL": lambda_drill.urls.app,
            "CLARIVUM_APPLICATION": "tests.integration.jobs.drill_app:application",
            "DRILL_NOTES": str(tmp_path),
            **environ,
        }
        running.append(
            RuntimeApi(handler, {name: text for name, text in own.items() if text}, tmp_path / "function.log")
        )
        return running[-1]

    yield start
    for each in running:
        each.close()


def test_the_ready_made_function_is_invoked_again_and_again(lambda_drill: LambdaDrill, function: Function) -> None:
    api = function(READY_MADE, OTEL_SDK_DISABLED="true")
    pids = set()
    for number in range(3):
        lambda_drill.send(quick, *(Quick(key=f"{number}-{n}") for n in range(5)))
        assert failed(api.invoke(event(*lambda_drill.receive(quick, 5)))) == []
        pids |= {effect["pid"] for effect in lambda_drill.effects()}
    assert len(lambda_drill.effects()) == 15
    assert pids == {api.process.pid}
    with pytest.raises(FunctionError, match="EventError: not an SQS event"):
        api.invoke({"detail": {}})
    assert failed(api.invoke({"Records": []})) == [], "an error does not end the process"


def test_a_setting_that_is_off_ends_the_initialisation(function: Function, tmp_path: Path) -> None:
    api = function(READY_MADE, DATABASE_URL="")
    with pytest.raises(FunctionError, match="ConfigurationError: DATABASE_URL is missing"):
        api.invoke({"Records": []})
    assert api.process.wait(10) == 1


def test_killed_in_the_middle_of_a_batch(lambda_drill: LambdaDrill, function: Function) -> None:
    """One of ten kills its process, whichever attempt it is: the others have their effect once, it is a dead letter."""
    lambda_drill.send(fragile, *(Fragile(key=f"k{n}", do="kill" if n == 4 else "effect") for n in range(10)))
    kills = 0
    for _ in range(6):
        counts = lambda_drill.counts(fragile)
        if not counts["ready"] + counts["hidden"]:
            break
        api = function()
        records = lambda_drill.receive(fragile, counts["ready"] + counts["hidden"], visibility_s=1)
        try:
            done = set(failed(api.invoke(event(*records))))
        except FunctionError:
            assert api.process.returncode == -signal.SIGKILL
            kills += 1
            continue
        settled = [record for record in records if record["messageId"] not in done]
        for record in settled:  # as the mapping does
            lambda_drill.sqs.delete_message(QueueUrl=lambda_drill.url(fragile), ReceiptHandle=record["receiptHandle"])
    assert kills == fragile.attempts
    assert sorted(effect["key"] for effect in lambda_drill.effects()) == [f"k{n}" for n in range(10) if n != 4]
    assert [(letter["key"], letter["error"]) for letter in lambda_drill.letters()] == [("k4", "AttemptLost")]


def test_killed_after_the_commit_has_one_effect(lambda_drill: LambdaDrill, function: Function) -> None:
    lambda_drill.send(act, Act(key="a", do="kill_after_commit"))
    with pytest.raises(FunctionError, match="exit"):
        function().invoke(event(*lambda_drill.receive(act, 1, visibility_s=0)))
    assert failed(function().invoke(event(*lambda_drill.receive(act, 1)))) == []
    assert [effect["attempt"] for effect in lambda_drill.effects()] == [1]


def test_answers_before_the_deadline(lambda_drill: LambdaDrill, function: Function) -> None:
    """A place each for two; what neither has begun after two seconds is returned, and nothing is cut off."""
    lambda_drill.send(act, *(Act(key=f"k{n}", do="sleep_then_effect", seconds=0.3) for n in range(30)))
    records = lambda_drill.receive(act, 30)
    api = function()
    assert failed(api.invoke({"Records": []})) == []
    returned = failed(api.invoke(event(*records), timeout_s=7.0))
    effects = lambda_drill.effects()
    assert 0 < len(effects) < 30
    assert len(returned) == 30 - len(effects)
    assert api.process.poll() is None


def test_telemetry_has_left_before_the_freeze(lambda_drill: LambdaDrill, function: Function) -> None:
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    lambda_drill.send_raw(quick, '{"key": "a"}', {"job": quick.name, "traceparent": traceparent})
    with Collector() as collector:
        api = function(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        assert failed(api.invoke(event(*lambda_drill.receive(quick, 1)))) == []
        os.kill(api.process.pid, signal.SIGSTOP)
        spans = collector.spans
        api.process.kill()
    assert ("process drill_quick", traceparent[3:35]) in {(span.name, span.trace_id) for span in spans}


def test_a_silent_collector_does_not_hold_the_answer(lambda_drill: LambdaDrill, function: Function) -> None:
    lambda_drill.send(quick, Quick(key="a"))
    records = lambda_drill.receive(quick, 1)
    with Collector(silent=True) as collector:
        api = function(OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint)
        assert failed(api.invoke({"Records": []})) == []
        began = time.monotonic()
        assert failed(api.invoke(event(*records))) == []
        assert time.monotonic() - began < 6.0
        api.process.kill()
