"""Messages sent and jobs processed: producer and consumer spans in one trace, and their metrics.

Names: https://opentelemetry.io/docs/specs/semconv/messaging/. The consumer's span is a child of the producer's and also
linked to it, so that both readings of a trace find it. What has no convention is `clarivum.*`.
"""

from time import perf_counter
from types import TracebackType
from typing import Self

from clarivum.telemetry.aggregation import HistogramCell, NumberCell
from clarivum.telemetry.finished_spans import Kind, SpanShape
from clarivum.telemetry.instruments import REQUEST_SECONDS, counter, histogram
from clarivum.telemetry.outcomes import bounded_error_type
from clarivum.telemetry.scrubbing import scrub
from clarivum.telemetry.spans import ActiveSpan, active_span
from clarivum.telemetry.trace_context import SpanContext, bounded_baggage, bounded_tracestate, parse_traceparent

_DESTINATION = ("messaging.system", "messaging.destination.name", "messaging.operation.name", "clarivum.job.name")
PROCESS_DURATION = histogram(
    "messaging.process.duration",
    "Duration of processing a message, from its delivery to the handler until the outcome.",
    "s",
    REQUEST_SECONDS,
    (*_DESTINATION, "error.type"),
)
SENT_MESSAGES = counter(
    "messaging.client.sent.messages",
    "Messages that producers sent, within the transaction that carries them.",
    "{message}",
    (*_DESTINATION, "error.type"),
)
_MAX_OUTCOMES = 4_000
_Outcome = tuple[str, str, str, str | None]
_processed: dict[_Outcome, tuple[HistogramCell, SpanShape]] = {}
_sent: dict[_Outcome, tuple[NumberCell, SpanShape]] = {}


class JobProcess(ActiveSpan):
    """One attempt at a job. An exception that leaves the block marks it as failed; so does `fail`."""

    __slots__ = ("_error", "_job", "_link", "_queue", "_system")

    def __init__(
        self, job: str, queue: str, system: str, producer: SpanContext | None, carried: tuple[str, str]
    ) -> None:
        super().__init__(producer, *carried)
        self._job, self._queue, self._system = job, queue, system
        self._link = producer
        self._error: str | None = None

    def fail(self, error: "str | BaseException") -> None:
        """Mark the attempt as failed: an exception, or a fixed word such as `timeout` or `invalid_payload`."""
        if isinstance(error, BaseException):
            self.record_exception(error)
        self._error = bounded_error_type(error)

    def __enter__(self) -> Self:
        self._activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = perf_counter() - self._started
        self._deactivate()
        if error is not None:
            self.fail(error)
        key = (self._job, self._queue, self._system, self._error)
        outcome = _processed.get(key)
        if outcome is None:
            outcome = _bind_process(key)
        outcome[0].record(duration_s)
        if self._sink is not None:
            self._emit(outcome[1], duration_s, self._link)


class JobPublish(ActiveSpan):
    """The sending of one message. The block yields what the message must carry; an exception marks it as failed."""

    __slots__ = ("_job", "_queue", "_system")

    def __init__(self, job: str, queue: str, system: str) -> None:
        parent = active_span()
        if parent is None:
            super().__init__(None)
        else:
            super().__init__(parent, parent.tracestate, parent.baggage)
        self._job, self._queue, self._system = job, queue, system

    @property
    def headers(self) -> dict[str, str]:
        """`traceparent`, and `tracestate` and `baggage` where there are any."""
        headers = {"traceparent": self.traceparent}
        if self.tracestate:
            headers["tracestate"] = self.tracestate
        if self.baggage:
            headers["baggage"] = self.baggage
        return headers

    def __enter__(self) -> dict[str, str]:
        return self.headers

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        duration_s = perf_counter() - self._started
        error_type = None
        if error is not None:
            self.record_exception(error)
            error_type = bounded_error_type(error)
        key = (self._job, self._queue, self._system, error_type)
        outcome = _sent.get(key)
        if outcome is None:
            outcome = _bind_send(key)
        outcome[0].add(1)
        if self._sink is not None:
            self._emit(outcome[1], duration_s)


def job_process(
    job: str,
    queue: str,
    system: str,
    message_id: str | int,
    attempt: int,
    *,
    producer_traceparent: str | None,
    tracestate: str | None = None,
    baggage: str | None = None,
) -> JobProcess:
    """Observe one attempt: `with job_process("leads.enrich", "leads_enrich", "pgmq", 42, 1, producer_traceparent=…):`.

    `system` is `pgmq` or `aws_sqs`; `attempt` counts from 1. What runs inside, its SQL and its logs, is in the
    producer's trace; a message without a valid traceparent starts its own.
    """
    producer = parse_traceparent(producer_traceparent)
    carried = ("", "") if producer is None else (bounded_tracestate(tracestate), bounded_baggage(baggage))
    observation = JobProcess(job, queue, system, producer, carried)
    if observation.is_recorded:
        observation.set_attribute("messaging.message.id", str(message_id))
        observation.set_attribute("clarivum.job.attempt", attempt)
    return observation


def job_publish(job: str, queue: str, system: str) -> JobPublish:
    """Observe the sending of one message: `with job_publish("leads.enrich", "leads_enrich", "pgmq") as headers:`."""
    return JobPublish(job, queue, system)


def _bind_process(key: _Outcome) -> tuple[HistogramCell, SpanShape]:
    job, queue, system, error_type = key
    cell = PROCESS_DURATION.at(system, queue, "process", job, error_type)
    attributes = {**cell.attributes, "messaging.operation.type": "process"}
    outcome = (cell, SpanShape(scrub(f"process {queue}"), Kind.CONSUMER, attributes, error_type is not None))
    if len(_processed) < _MAX_OUTCOMES:
        _processed[key] = outcome
    return outcome


def _bind_send(key: _Outcome) -> tuple[NumberCell, SpanShape]:
    job, queue, system, error_type = key
    cell = SENT_MESSAGES.at(system, queue, "send", job, error_type)
    attributes = {**cell.attributes, "messaging.operation.type": "send"}
    outcome = (cell, SpanShape(scrub(f"send {queue}"), Kind.PRODUCER, attributes, error_type is not None))
    if len(_sent) < _MAX_OUTCOMES:
        _sent[key] = outcome
    return outcome
