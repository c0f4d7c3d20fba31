"""The text that /metrics returns. Imported when somebody first asks for it."""

import threading

from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest

from clarivum.telemetry.aggregation import Attributes
from clarivum.telemetry.readers import attach


class PrometheusPage:
    """Our metrics through the SDK's Prometheus exporter, in a registry of their own."""

    def __init__(self, attributes: Attributes) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._lock = threading.Lock()
        attach(PrometheusMetricReader(scope_info_enabled=False, registry=self._registry), Resource(dict(attributes)))

    def render(self) -> bytes:
        """Prometheus text format, UTF-8."""
        with self._lock:
            return generate_latest(self._registry)
