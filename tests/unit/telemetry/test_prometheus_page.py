"""Our page says what the SDK's own Prometheus exporter says about the same measurements."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from clarivum.telemetry import Counter, Gauge, Histogram, instruments
from clarivum.telemetry.prometheus_page import PrometheusPage
from clarivum.telemetry.readers import attach
from clarivum.testing.telemetry import reset_metrics

RESOURCE = {"service.name": "clarivum", "odd.value": 'quote " backslash \\ newline \n end'}

TIMES = Histogram("page.times", "Times \\ and\nlines.", "s", (0.1, 0.3, 0.8), ("http.route", "error.type", "code"))
SIZES = Histogram("page.sizes", "Sizes.", "By", (1, 1024), ())
RUNS = Counter("page.runs", "Runs.", "{run}", ("job", "again"))
PLAIN = Counter("page.plain", "Plain.", "1", ())
SECONDS = Counter("page.busy", "Busy.", "s", ())
LEVEL = Gauge("page.level", "Level.", "%", ("where",))


@pytest.fixture(autouse=True)
def declared(fresh_telemetry):
    """As if declared; the conftest takes them away again."""
    instruments.REGISTRY.update({each.name: each for each in (TIMES, SIZES, RUNS, PLAIN, SECONDS, LEVEL)})
    reset_metrics()


label = st.text(st.characters(exclude_categories=("Cs", "Cc")) | st.sampled_from('"\\\n{},= '), max_size=12)
number = st.floats(0, 1e6, allow_nan=False)
measurements = st.lists(
    st.one_of(
        st.tuples(st.just(TIMES.record), number, label, label | st.none(), st.integers(100, 599)),
        st.tuples(st.just(SIZES.record), number),
        st.tuples(st.just(RUNS.add), number, label, st.booleans()),
        st.tuples(st.just(PLAIN.add), st.integers(0, 10)),
        st.tuples(st.just(SECONDS.add), number),
        st.tuples(st.just(LEVEL.set), st.floats(), label),
    ),
    max_size=20,
)


def samples(page: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """Name and labels to value; an empty label is as good as none."""
    return {
        (sample.name, frozenset((name, value) for name, value in sample.labels.items() if value)): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


@settings(max_examples=60)
@given(measurements)
def test_as_the_sdk_exports(made: list[tuple]):
    reset_metrics()
    for record, value, *values in made:
        record(value, *values)
    registry = CollectorRegistry(auto_describe=False)
    attach(PrometheusMetricReader(scope_info_enabled=False, registry=registry), Resource(RESOURCE))
    ours, theirs = samples(PrometheusPage(RESOURCE).render()), samples(generate_latest(registry))
    assert ours.keys() == theirs.keys()
    assert all(value == theirs[key] or (math.isnan(value) and math.isnan(theirs[key])) for key, value in ours.items())


def test_the_second_page_shows_the_change():
    page = PrometheusPage(RESOURCE)
    TIMES.record(0.3, "/api/v1/leads", None, 202)
    page.render()
    TIMES.record(0.8, "/api/v1/leads", None, 202)
    text = page.render().decode()
    assert 'page_times_seconds_bucket{http_route="/api/v1/leads",code="202",le="0.3"} 1\n' in text
    assert 'page_times_seconds_bucket{http_route="/api/v1/leads",code="202",le="0.8"} 2\n' in text
    assert 'page_times_seconds_count{http_route="/api/v1/leads",code="202"} 2\n' in text
    assert "# HELP page_times_seconds Times \\\\ and\\nlines.\n# TYPE page_times_seconds histogram\n" in text


def test_what_was_never_measured_is_not_shown():
    assert "page_runs" not in PrometheusPage(RESOURCE).render().decode()


@pytest.mark.parametrize("value", ["\ud800", "\x00", "a\rb"])
def test_odd_characters_leave_the_page_readable(value: str):
    RUNS.add(1, value, True)
    assert sum(name == "page_runs_total" for name, _ in samples(PrometheusPage(RESOURCE).render())) == 1
