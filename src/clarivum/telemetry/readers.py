"""Our metrics for the OpenTelemetry SDK's readers: the Prometheus page, the OTLP push, and whatever else reads.

The Python SDK has no MetricProducer, the place that the specification has for sums made outside it. A reader asks one
callback for everything; ours answers with the cells' sums, cumulative, whichever temporality the reader prefers.
"""

import time
from functools import partial

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Gauge,
    HistogramDataPoint,
    Metric,
    MetricReader,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.metrics.export import Histogram as HistogramData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from clarivum import __version__
from clarivum.telemetry import instruments
from clarivum.telemetry.aggregation import HistogramCell

SCOPE = InstrumentationScope("clarivum", __version__)


def attach(reader: MetricReader, resource: Resource) -> None:
    """Let `reader` collect our metrics. A reader belongs to one process's telemetry."""
    # What MeterProvider does with each of its readers; there is no public name for it.
    reader._set_collect_callback(partial(_collect, resource))


def snapshot(resource: Resource) -> MetricsData:
    """All metrics that were ever recorded, as they stand now."""
    now_ns = time.time_ns()
    metrics = [metric for each in tuple(instruments.REGISTRY.values()) if (metric := _metric(each, now_ns)) is not None]
    scope = ScopeMetrics(scope=SCOPE, metrics=metrics, schema_url="")
    return MetricsData(resource_metrics=[ResourceMetrics(resource=resource, scope_metrics=[scope], schema_url="")])


def _collect(resource: Resource, _reader: MetricReader, timeout_millis: float = 10_000) -> MetricsData:
    return snapshot(resource)


def _metric(
    instrument: "instruments.Histogram | instruments.Counter | instruments.Gauge", now_ns: int
) -> Metric | None:
    data: HistogramData | Sum | Gauge
    if isinstance(instrument, instruments.Histogram):
        each = [_histogram_point(cell, instrument.boundaries, now_ns) for cell in instrument.cells()]
        data = HistogramData([point for point in each if point is not None], AggregationTemporality.CUMULATIVE)
    elif isinstance(instrument, instruments.Counter):
        data = Sum(_number_points(instrument, now_ns), AggregationTemporality.CUMULATIVE, is_monotonic=True)
    else:
        instrument.refresh()
        data = Gauge(_number_points(instrument, now_ns))
    return Metric(instrument.name, instrument.description, instrument.unit, data) if data.data_points else None


def _number_points(instrument: "instruments.Counter | instruments.Gauge", now_ns: int) -> list[NumberDataPoint]:
    readings = [(cell, cell.value()) for cell in instrument.cells()]
    return [
        NumberDataPoint(dict(cell.attributes), cell.start_ns, now_ns, value)
        for cell, value in readings
        if value is not None
    ]


def _histogram_point(cell: HistogramCell, boundaries: tuple[float, ...], now_ns: int) -> HistogramDataPoint | None:
    point = cell.point()
    if not point.count:
        return None
    return HistogramDataPoint(
        attributes=dict(cell.attributes),
        start_time_unix_nano=cell.start_ns,
        time_unix_nano=now_ns,
        count=point.count,
        sum=point.sum,
        bucket_counts=point.counts,
        explicit_bounds=boundaries,
        min=point.min,
        max=point.max,
    )
