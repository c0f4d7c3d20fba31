"""What telemetry says about itself: lost spans and lost log lines are numbers, too.

Names: https://opentelemetry.io/docs/specs/semconv/otel/sdk-metrics/.
"""

from clarivum.telemetry.instruments import counter, gauge

_COMPONENT = "otel.component.type"

SPANS_PROCESSED = counter(
    "otel.sdk.processor.span.processed",
    "Spans that left the queue; with error.type `queue_full` those dropped because it was full.",
    "{span}",
    (_COMPONENT, "error.type"),
)
SPAN_QUEUE_SIZE = gauge("otel.sdk.processor.span.queue.size", "Spans that wait for export.", "{span}", (_COMPONENT,))
SPAN_QUEUE_CAPACITY = gauge(
    "otel.sdk.processor.span.queue.capacity", "Spans that may wait for export.", "{span}", (_COMPONENT,)
)
SPANS_EXPORTED = counter(
    "otel.sdk.exporter.span.exported",
    "Spans handed to the collector; with error.type those it did not take.",
    "{span}",
    (_COMPONENT, "error.type"),
)
LOG_LINES_DROPPED = counter(
    "clarivum.log.lines.dropped", "Log lines lost because the output did not take them.", "{line}"
)
BATCHING = "batching_span_processor"
OTLP_HTTP = "otlp_http_span_exporter"
