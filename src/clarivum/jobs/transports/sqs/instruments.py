"""The metrics of the outbox and its relay."""

from clarivum.jobs.instruments import JOB
from clarivum.telemetry import counter, gauge

OUTBOX_DEPTH = gauge(
    "clarivum.job.outbox.depth", "Enqueued jobs that wait for a relay or for their time.", "{message}", JOB
)
OUTBOX_AGE = gauge(
    "clarivum.job.outbox.oldest_age",
    "How long the oldest due job has waited for a relay. Steady growth: SQS refuses.",
    "s",
    JOB,
)
RELAYED = counter(
    "clarivum.job.outbox.relayed",
    "Messages by what SQS said: sent, refused (now a dead letter), failed (tried again).",
    "{message}",
    (*JOB, "clarivum.job.outcome"),
)
