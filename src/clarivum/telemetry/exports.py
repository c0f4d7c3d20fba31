"""What takes spans and metrics out of the process, on the OpenTelemetry SDK. Imported only where it is switched on."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor

from clarivum import __version__
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.telemetry.aggregation import Attributes
from clarivum.telemetry.export_queue import SpanQueue
from clarivum.telemetry.finished_spans import SpanSink
from clarivum.telemetry.readers import attach
from clarivum.telemetry.resource import parse_attributes
from clarivum.telemetry.sdk_spans import ProcessorSink

if TYPE_CHECKING:
    from clarivum.telemetry.otlp import OtlpMetricExport


class Exports:
    """The span queue, the processors brought along and the metric readers of one process."""

    def __init__(
        self,
        settings: Settings,
        attributes: Attributes,
        processors: Sequence[SpanProcessor],
        readers: Sequence[MetricReader],
    ) -> None:
        """Raises ConfigurationError for an endpoint, protocol or header list that cannot be used."""
        resource = Resource(dict(attributes))
        self._queue: SpanQueue | None = None
        self._push: OtlpMetricExport | None = None
        self._processors: ProcessorSink | None = None
        self._readers = list(readers)
        if settings.otlp_endpoint:
            self._queue, self._push = _otlp(settings, attributes)
            self._readers.append(PeriodicExportingMetricReader(self._push))
        if processors:
            self._processors = ProcessorSink(processors, resource, self._queue)
        for reader in self._readers:
            attach(reader, resource)

    @property
    def sink(self) -> SpanSink | None:
        return self._processors or self._queue

    def shutdown(self, timeout_s: float) -> int:
        """End spans, metrics and processors side by side, each within the same time; what hangs is left behind.

        Returns how many spans were lost.
        """
        lost: list[int] = []
        queue = self._queue
        stops: list[Callable[[], object]] = [
            partial(reader.shutdown, timeout_millis=timeout_s * 1_000) for reader in self._readers
        ]
        if queue is not None:
            stops.append(lambda: lost.append(queue.shutdown(timeout_s * 0.9)))
        if self._push is not None:
            self._push.hurry()
        if self._processors is not None:
            stops.append(self._processors.shutdown)
        _side_by_side(stops, timeout_s)
        return sum(lost)

    def flush(self, timeout_s: float) -> None:
        """Export what waits now, for at most `timeout_s`, and go on."""
        flushes: list[Callable[[], object]] = [
            partial(reader.force_flush, timeout_millis=timeout_s * 1_000) for reader in self._readers
        ]
        if self._queue is not None:
            flushes.append(partial(self._queue.flush, timeout_s))
        _side_by_side(flushes, timeout_s)


def _side_by_side(calls: Sequence[Callable[[], object]], timeout_s: float) -> None:
    threads = [threading.Thread(target=call, name="clarivum-telemetry-end", daemon=True) for call in calls]
    deadline = time.monotonic() + timeout_s
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))


def _otlp(settings: Settings, attributes: Attributes) -> "tuple[SpanQueue, OtlpMetricExport]":
    # The exporters bring requests and protobuf with them, which a process without a collector does without.
    from clarivum.telemetry.otlp import OtlpMetricExport, OtlpSpanExport, SpanEncoder  # noqa: PLC0415

    endpoint = settings.otlp_endpoint or ""
    if settings.otlp_protocol != "http/protobuf":
        raise ConfigurationError("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf, the only protocol spoken here")
    if not endpoint.startswith(("http://", "https://")):
        raise ConfigurationError("OTEL_EXPORTER_OTLP_ENDPOINT must be an http:// or https:// URL, often with port 4318")
    secret = settings.otlp_headers
    headers = parse_attributes("OTEL_EXPORTER_OTLP_HEADERS", secret.get_secret_value() if secret else None)
    export = OtlpSpanExport(endpoint, headers, SpanEncoder(attributes, "clarivum", __version__))
    return SpanQueue(export), OtlpMetricExport(endpoint, headers)
