"""The samplers decide as the SDK's do, for every id and every caller."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.trace import sampling as sdk

from clarivum.errors import ConfigurationError
from clarivum.telemetry.sampling import SAMPLERS, sampler
from clarivum.telemetry.trace_context import SAMPLED

STOCK = {
    "always_on": lambda ratio: sdk.ALWAYS_ON,
    "always_off": lambda ratio: sdk.ALWAYS_OFF,
    "traceidratio": sdk.TraceIdRatioBased,
    "parentbased_always_on": lambda ratio: sdk.ParentBased(sdk.ALWAYS_ON),
    "parentbased_always_off": lambda ratio: sdk.ParentBased(sdk.ALWAYS_OFF),
    "parentbased_traceidratio": lambda ratio: sdk.ParentBased(sdk.TraceIdRatioBased(ratio)),
}


@given(
    name=st.sampled_from(SAMPLERS),
    ratio=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    trace_id=st.integers(1, 2**128 - 1),
    parent=st.sampled_from([None, True, False]),
)
@example(name="traceidratio", ratio=0.5, trace_id=1 << 63, parent=None)
@example(name="traceidratio", ratio=0.5, trace_id=(1 << 63) - 1, parent=None)
def test_as_the_sdk_decides(name: str, ratio: float, trace_id: int, parent: bool | None):
    context = None
    if parent is not None:
        flags = trace.TraceFlags(SAMPLED if parent else 0)
        remote = trace.SpanContext(trace_id, 1, is_remote=True, trace_flags=flags)
        context = trace.set_span_in_context(trace.NonRecordingSpan(remote))
    stock = STOCK[name](ratio).should_sample(context, trace_id, "x").decision.is_sampled()
    assert sampler(name, str(ratio))(trace_id, parent) is stock


@pytest.mark.parametrize("argument", ["-0.1", "1.1", "nan", "half", "inf"])
def test_a_ratio_outside_0_to_1_is_refused(argument: str):
    with pytest.raises(ConfigurationError, match="OTEL_TRACES_SAMPLER_ARG"):
        sampler("traceidratio", argument)


def test_an_unknown_name_is_refused():
    with pytest.raises(ConfigurationError, match="OTEL_TRACES_SAMPLER must be one of always_on"):
        sampler("sometimes")


def test_without_a_ratio_everything_is_sampled():
    assert sampler("traceidratio")(2**128 - 1, None)
