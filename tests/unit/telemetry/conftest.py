"""Each test finds telemetry as a fresh process has it: nothing measured, nothing recorded, the default sampler."""

from collections.abc import Iterator

import pytest

from clarivum.telemetry.sampling import sampler
from clarivum.telemetry.spans import TRACING, _active
from clarivum.testing.telemetry import CapturedLogs, captured_logs, recorded_spans, reset_metrics


@pytest.fixture(autouse=True)
def fresh_telemetry() -> Iterator[None]:
    reset_metrics()
    before = TRACING.sampler, TRACING.sink
    TRACING.sampler, TRACING.sink = sampler("parentbased_always_on"), None
    _active.set(None)
    yield
    TRACING.sampler, TRACING.sink = before


@pytest.fixture
def spans():
    with recorded_spans() as finished:
        yield finished


@pytest.fixture
def logs() -> Iterator[CapturedLogs]:
    with captured_logs() as captured:
        yield captured
