"""Background jobs: declared once, enqueued inside the business transaction, exactly one effect.

This package exports the declarations; `clarivum.jobs.worker` runs them, `clarivum.jobs.inspect` reads them back.
"""

from clarivum.heap import permanent

with permanent():
    from clarivum.jobs.declaration import Job, job
    from clarivum.jobs.failure import TerminalError
    from clarivum.jobs.outbox import outbox
    from clarivum.jobs.payload import MAX_PAYLOAD_BYTES, Payload, PayloadError
    from clarivum.jobs.results import Result
    from clarivum.jobs.run import Run

__all__ = ["MAX_PAYLOAD_BYTES", "Job", "Payload", "PayloadError", "Result", "Run", "TerminalError", "job", "outbox"]
