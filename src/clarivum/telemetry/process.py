"""The telemetry of one process: switched on once, from the settings, and off at the end within its time."""

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from clarivum.settings import Settings
from clarivum.telemetry import standard_logging, structured
from clarivum.telemetry.log_pipeline import PIPELINE, render_json
from clarivum.telemetry.prometheus_page import PrometheusPage
from clarivum.telemetry.resource import resource_attributes
from clarivum.telemetry.sampling import sampler
from clarivum.telemetry.siblings import PROCESS_LABEL, Siblings
from clarivum.telemetry.spans import TRACING

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricReader
    from opentelemetry.sdk.trace import SpanProcessor

    from clarivum.telemetry.exports import Exports

Role = Literal["api", "worker", "function", "cli"]
DISABLED_PAGE = b"# telemetry is switched off (OTEL_SDK_DISABLED)\n"


class _Process:
    """What `configure` built and `shutdown` takes down."""

    def __init__(self) -> None:
        self.configured = False
        self.disabled = False
        self.exports: Exports | None = None
        self.page = PrometheusPage({})
        self.siblings: Siblings | None = None


_process = _Process()


def configure(
    settings: Settings,
    *,
    role: Role,
    extra_span_processors: "Sequence[SpanProcessor]" = (),
    metric_readers: "Sequence[MetricReader]" = (),
    metrics_directory: Path | None = None,
) -> None:
    """Switch telemetry on, once per process; a second call first shuts the earlier one down.

    Logs go to standard output (`cli`, `function`: standard error, their output is the answer or the runtime's). Spans
    and metrics are pushed over OTLP/HTTP when `OTEL_EXPORTER_OTLP_ENDPOINT` is set; `extra_span_processors` get each
    span's `on_end`, `metric_readers` collect what `render_prometheus` shows. Processes behind one port share a private
    `metrics_directory`, so that each of them renders the metrics of all. Raises ConfigurationError for a bad variable.
    """
    if _process.configured:
        shutdown()
    sample = sampler(settings.traces_sampler, settings.traces_sampler_argument)
    attributes = resource_attributes(settings, role)
    exports = None
    if not settings.telemetry_disabled and (settings.otlp_endpoint or extra_span_processors or metric_readers):
        # The SDK costs 0.1 s of a worker's start, so it is loaded only where something is exported.
        from clarivum.telemetry.exports import Exports  # noqa: PLC0415

        exports = Exports(settings, attributes, extra_span_processors, metric_readers)
    _open_logs(settings, role)
    TRACING.sampler = sample
    TRACING.sink = None if exports is None else exports.sink
    _process.configured, _process.disabled = True, settings.telemetry_disabled
    _process.exports = exports
    if metrics_directory is None:
        _process.page = PrometheusPage(attributes)
    else:
        _process.page = PrometheusPage(attributes, {PROCESS_LABEL: os.getpid()})
        _process.siblings = Siblings(metrics_directory, _process.page.render)


def flush(timeout_s: float = 2.0) -> None:
    """Export and write what waits, for at most `timeout_s` in all, and go on: before a Lambda freezes."""
    deadline = time.monotonic() + timeout_s
    if _process.exports is not None:
        _process.exports.flush(timeout_s * 0.9)
    PIPELINE.writer.flush(max(0.1, deadline - time.monotonic()))


def shutdown(timeout_s: float = 5.0) -> None:
    """Export and write what waits, for at most `timeout_s` in all. Afterwards no span is recorded; logs still work."""
    deadline = time.monotonic() + timeout_s
    exports, _process.exports = _process.exports, None
    TRACING.sink = None
    siblings, _process.siblings = _process.siblings, None
    if siblings is not None:
        siblings.close()
    if exports is not None:
        lost = exports.shutdown(timeout_s * 0.9)
        if lost:
            fields: dict[str, object] = {"spans": lost}
            PIPELINE.write(PIPELINE.event("warning", "spans lost at shutdown", "clarivum.telemetry", fields))
    _process.disabled = False
    if _process.configured:
        _process.configured = False
        standard_logging.release()
    PIPELINE.writer.flush(max(0.1, deadline - time.monotonic()))


def render_prometheus() -> bytes:
    """All metrics in Prometheus' text format, `PROMETHEUS_CONTENT_TYPE`: what /metrics returns."""
    if _process.disabled:
        return DISABLED_PAGE
    return _process.page.render() if _process.siblings is None else _process.siblings.page()


def _open_logs(settings: Settings, role: Role) -> None:
    descriptor = 2 if role in {"cli", "function"} else 1
    PIPELINE.open(
        descriptor,
        service=settings.service_name,
        level=settings.log_level,
        access_lines=role == "api",
        render=structured.console_renderer(descriptor) if settings.log_format == "console" else render_json,
    )
    structured.set_level(settings.log_level)
    standard_logging.capture(settings.log_level)
    if role != "cli":
        standard_logging.capture_uncaught()
