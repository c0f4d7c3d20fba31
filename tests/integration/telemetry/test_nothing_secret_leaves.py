"""No address, token or password is in any byte that leaves: collector, /metrics, logs, even of a process that dies."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarivum import telemetry
from clarivum.telemetry.otlp import SpanEncoder
from clarivum.telemetry.prometheus_page import PrometheusPage
from clarivum.testing.telemetry import Collector, captured_logs, recorded_spans
from tests.integration.telemetry.service import EMAIL, PASSWORD, TOKEN

log = telemetry.get_logger("secrets")


def test_over_the_wire_and_on_both_outputs(run, collector: Collector):
    ended = run(
        "secrets",
        OTEL_EXPORTER_OTLP_ENDPOINT=collector.endpoint,
        OTEL_RESOURCE_ATTRIBUTES=f"contact={EMAIL},token=x{PASSWORD}",
    )
    assert ended.code == 1
    assert ended.events[-1]["event"] == "uncaught exception"
    assert len(ended.events) > 20
    everything = [ended.out, ended.err, *(delivery.body for delivery in collector.deliveries)]
    for secret in (EMAIL, TOKEN, PASSWORD, EMAIL.split("@", maxsplit=1)[0], *TOKEN.split(".")):
        assert not [body for body in everything if secret.encode() in body], secret


def exercise(plant: str) -> list[bytes]:
    """Everything that is exported when `plant` stands wherever a value may stand."""
    with recorded_spans() as spans, captured_logs() as logs:
        served = telemetry.http_server("GET", "/x", traceparent=plant, tracestate=f"a={plant}", baggage=f"b={plant}")
        served.set_attribute("note", plant)
        with telemetry.span("work", {"note": plant}), telemetry.database_operation("q", "SELECT") as statement:
            statement.finish(ValueError(plant))
        telemetry.counter("test.secrets.seen", "Seen.", "1", ("who",)).add(1, plant)
        log.info(plant, note=plant, **{"deep": [{"x": (plant,)}], "error": ValueError(plant)})
        with telemetry.job_publish("a.b", "a_b", "pgmq") as headers:
            pass
        with telemetry.job_process("a.b", "a_b", "pgmq", plant, 1, producer_traceparent=headers["traceparent"]) as run:
            run.fail(ValueError(plant))
        log.error("failed", exc_info=RuntimeError(plant))
        served.finish(500, plant)
    assert len(spans) == 5
    return [SpanEncoder({"note": "x"}, "x", "1").encode(spans), PrometheusPage({}).render(), *logs.lines]


secrets = st.one_of(
    st.emails(),
    st.text("abcdefghijklmnopqrstuvwxyz0123456789-_", min_size=12, max_size=40).map(
        lambda text: f"eyJ{text}.eyJ{text}.{text}"
    ),
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(secret=secrets, around=st.text(max_size=20))
def test_no_planted_secret_is_in_any_exported_byte(secret: str, around: str):
    for plant in (secret, f"{around} {secret} {around}"):
        for body in exercise(plant):
            assert secret.encode() not in body


@pytest.mark.parametrize(
    "template", ["Bearer {}", "password={}", "postgresql://u:{}@h/d", "Key (email)=({}) already exists."]
)
def test_no_planted_value_of_a_known_shape_is_in_any_exported_byte(template: str):
    for body in exercise(template.format("q7Zx9Kw2vv")):
        assert b"q7Zx9Kw2vv" not in body
