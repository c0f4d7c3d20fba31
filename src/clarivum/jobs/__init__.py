"""Background jobs: declared once, enqueued inside the business transaction, exactly one effect.

This package exports the declarations; the worker is `clarivum.jobs.worker`, the read model `clarivum.jobs.inspect`.
"""

from clarivum.jobs.declaration import Job, job
from clarivum.jobs.outbox import outbox
from clarivum.jobs.payload import MAX_PAYLOAD_BYTES, Payload, PayloadError
from clarivum.jobs.run import Run

__all__ = ["MAX_PAYLOAD_BYTES", "Job", "Payload", "PayloadError", "Run", "job", "outbox"]
