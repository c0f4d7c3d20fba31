"""How a worker process behaves. The defaults are what production runs; drills and tests turn the time down."""

from dataclasses import dataclass, field
from typing import Any

from clarivum.jobs.backoff import Backoff
from clarivum.jobs.declaration import Job


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """Times in seconds."""

    concurrency: int = 8
    """Runs at once in this process, all jobs together. Each uses one database connection."""
    poll_s: float = 1.0
    """How often a queue is looked at when no notification comes: for retries, delays and lost notifications."""
    grace_s: float = 8.0
    """After SIGTERM, how long running handlers may still take; then they are cancelled and their leases released."""
    visibility_s: int | None = None
    """Instead of each job's own visibility, max(60, 6 · timeout_s)."""
    control_s: float = 2.0
    """How often pauses and cancelled runs are looked for."""
    heartbeat: bool = True
    """Extend leases while handlers run. Off only to show what the fence does without it."""
    backoff: Backoff = field(default_factory=Backoff)

    def lease_s(self, job: Job[Any]) -> int:
        """How long a fetched message is hidden and its run leased, without a heartbeat."""
        return self.visibility_s or job.visibility_s

    def permit_s(self, job: Job[Any]) -> float:
        """How long a permit of a job with `limit` is held without being renewed: longer than a handler may block."""
        return self.visibility_s or max(60.0, job.timeout_s + 15.0)

    def share(self, job: Job[Any], jobs: int) -> int:
        """The most runs of one job at once: its own limit, else three quarters of the process, so that a backlog of one
        job leaves room for the others."""
        if job.concurrency is not None:
            return min(job.concurrency, self.concurrency)
        return self.concurrency if jobs == 1 else max(1, self.concurrency * 3 // 4)
