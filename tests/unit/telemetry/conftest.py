"""Each test finds telemetry as a fresh process has it, and leaves no metric of its own behind."""

from collections.abc import Iterator

import pytest

from clarivum.telemetry import instruments
from clarivum.telemetry.sampling import sampler
from clarivum.telemetry.spans import TRACING, _active
from clarivum.testing.telemetry import CapturedLogs, captured_logs, recorded_spans, reset_metrics


@pytest.fixture(autouse=True)
def fresh_telemetry() -> Iterator[None]:
    reset_metrics()
    declared = set(instruments.REGISTRY)
    before = TRACING.sampler, TRACING.sink
    TRACING.sampler, TRACING.sink = sampler("parentbased_always_on"), None
    _active.set(None)
    yield
    TRACING.sampler, TRACING.sink = before
    for name in set(instruments.REGISTRY) - declared:
        del instruments.REGISTRY[name]


@pytest.fixture
def spans():
    with recorded_spans() as finished:
        yield finished


@pytest.fixture
def logs() -> Iterator[CapturedLogs]:
    with captured_logs() as captured:
        yield captured
