"""The one log line of a finished job: fixed fields from declarations, so it needs no scrubbing and costs a third."""

from datetime import UTC, datetime

from clarivum.telemetry.log_pipeline import LEVELS, PIPELINE
from clarivum.telemetry.spans import ActiveSpan


def write_job_line(span: ActiveSpan, *, job: str, run_id: str, attempt: int) -> None:
    """The job's name, the run's id and its attempt, counted from 1; never the key or the payload."""
    pipeline = PIPELINE
    if pipeline.min_level > LEVELS["info"]:
        return
    event: dict[str, object] = {
        "timestamp": datetime.now(UTC),
        "level": "info",
        "event": "job done",
        "logger": "clarivum.jobs",
        "service": pipeline.service,
        "trace_id": span.trace_id_hex,
        "span_id": span.span_id_hex,
        "job": job,
        "run_id": run_id,
        "attempt": attempt,
    }
    pipeline.writer.write(pipeline.render(event))
