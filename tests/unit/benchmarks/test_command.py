"""`./clarivum bench`: what it refuses, and when it says that something was found."""

import json

import pytest
import typer
from typer.testing import CliRunner

from benchmarks.harness.results import Cpu, Result, Run, Scenario, Target
from clarivum.cli import bench
from clarivum.errors import Exit, UsageError


@pytest.mark.parametrize("command", ["request", "jobs"])
def test_what_cannot_be_meant_is_refused_before_anything_starts(command: str) -> None:
    outcome = CliRunner().invoke(bench.app, [command, "--quick", "--write"])
    assert isinstance(outcome.exception, UsageError)
    assert "--quick" in outcome.exception.detail
    outcome = CliRunner().invoke(bench.app, [command, "--postgres", "17"])
    assert outcome.exit_code == Exit.USAGE
    assert "16 or 18" in outcome.output


def result(errors: int) -> Result:
    nothing = Cpu(server=0, database=0, generator=0)
    run = Run(per_second=1, units=1, errors=errors, p50_ms=1, p99_ms=1, cpu_s=nothing)
    target = Target(name="ours", title="Clarivum", runs=(run,))
    scenario = Scenario(name="read", title="A read", about="", unit="request", targets=(target,))
    return Result(command="", date="", settings={}, database={}, versions={}, scenarios=(scenario,))


def test_errors_under_load_are_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit) as exit_:
        bench._finish("request", result(errors=2), write=False, as_json=False)
    assert exit_.value.exit_code == Exit.FINDINGS
    shown = capsys.readouterr()
    assert "## A read" in shown.out
    assert "errors were counted for Clarivum" in shown.err


def test_the_result_is_data_when_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    bench._finish("request", result(errors=0), write=False, as_json=True)
    assert Result.model_validate(json.loads(capsys.readouterr().out)) == result(errors=0)
