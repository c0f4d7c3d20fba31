"""Whom the jobs are measured on: a program each, with the command line of peers/job_peer.py."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.harness.identity import own_environ
from benchmarks.harness.load import ROOT, LoadError, run_timed
from benchmarks.harness.peers import PEERS, NodePeers, PythonPeers, Unavailable
from benchmarks.harness.processes import stop
from benchmarks.harness.profiling import profile
from benchmarks.harness.results import Layer, Missing
from benchmarks.harness.scratch import Scratch
from benchmarks.jobs.declared import BATCH, JOBS

CONCURRENCY = 16
"""Places, for every library that lets one choose."""
PATIENCE_S = 120.0
RESULT = "RESULT "
PROFILE_S = 4.0
LISTENING_WITHIN_S = 2.0
"""What a worker gets to connect and listen before the first job is sent."""


@dataclass(frozen=True, slots=True)
class Program:
    """A library under test. `drained` is how many jobs a run drains; `reset` empties its tables before each run."""

    name: str
    title: str
    note: str
    command: Sequence[str | Path]
    environ: Mapping[str, str] = field(repr=False)
    drained: int
    reset: str
    where: Scratch | None = None
    """The database it works on, where that is not the scenario's."""
    fill: Callable[[int], None] | None = field(default=None, repr=False)
    """How so many jobs get into its queue, where not by a mode of its own."""

    def run(self, mode: str, *numbers: float) -> dict[str, float]:
        """Carry out one mode to its end. Raises LoadError."""
        output, _ = run_timed(self._arguments(mode, *numbers), PATIENCE_S, self.environ)
        return read_result(output)

    def profile(self, data: Path) -> tuple[Layer, ...]:
        """Where a worker's time goes while it drains a full queue; it is ended when enough was sampled."""
        worker = subprocess.Popen(
            self._arguments("work", self.drained + 1), env=dict(self.environ), cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        try:
            time.sleep(LISTENING_WITHIN_S)
            return profile(worker.pid, lambda: time.sleep(PROFILE_S), data, PROFILE_S)
        finally:
            stop(worker)

    def run_both(self, count: int, interval_s: float) -> dict[str, float]:
        """A worker and a producer at once; the worker's result. Raises LoadError."""
        worker = subprocess.Popen(
            self._arguments("work", count), env=dict(self.environ), cwd=ROOT, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        try:
            time.sleep(LISTENING_WITHIN_S)
            self.run("produce", count, interval_s)
            output, errors = worker.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            raise LoadError(f"the worker did not see {count} jobs within {PATIENCE_S:.0f} s") from None
        finally:
            stop(worker)
        if worker.returncode:
            raise LoadError(f"the worker ended with code {worker.returncode}: {errors[-600:].strip()}")
        return read_result(output)

    def _arguments(self, mode: str, *numbers: float) -> list[str]:
        return [*(str(part) for part in self.command), mode, *map(str, numbers)]


def read_result(output: str) -> dict[str, float]:
    """The JSON after RESULT in a program's output. Raises LoadError."""
    lines = [line for line in output.splitlines() if line.startswith(RESULT)]
    if not lines:
        raise LoadError(f"no result: {output[-300:]!r}")
    found: dict[str, float] = json.loads(lines[-1].removeprefix(RESULT))
    return found


def ours(scratch: Scratch, job: str, title: str, note: str, drained: int) -> Program:
    queue = JOBS[job].queue
    peer = {"url": scratch.app_url, "concurrency": CONCURRENCY, "job": job}
    return Program(
        f"ours-{job}",
        title,
        note,
        [sys.executable, "-m", "benchmarks.peers.job_clarivum"],
        {**own_environ(), "PEER": json.dumps(peer)},
        drained,
        f"truncate pgmq.q_{queue}, clarivum.job_runs",
    )


def raw_pgmq(scratch: Scratch, drained: int) -> Program:
    peer = {"url": scratch.app_url, "concurrency": 1, "batch": BATCH}
    return Program(
        "raw-pgmq",
        "raw pgmq loop with our ledger",
        f"psycopg, one connection; {BATCH} messages read, entered in the ledger and deleted in one transaction",
        [sys.executable, "-m", "benchmarks.peers.job_raw_pgmq"],
        {**own_environ(), "PEER": json.dumps(peer)},
        drained,
        f"truncate pgmq.q_{JOBS['batched'].queue}, clarivum.job_runs",
    )


def pgqueuer(scratch: Scratch, python: PythonPeers, drained: int) -> Program:
    return Program(
        "pgqueuer",
        "pgqueuer",
        f"asyncpg, batches of {BATCH}; its log of finished jobs is written in batches too",
        [python.python, PEERS / "job_pgqueuer.py"],
        _peer_environ(scratch, BATCH),
        drained,
        "truncate pgqueuer, pgqueuer_log",
    )


def graphile(scratch: Scratch, node: NodePeers, drained: int, *, batch: int) -> Program:
    how = f"local queue of {batch}, batched completion" if batch > 1 else "one job fetched and completed at a time"
    return Program(
        "graphile-batched" if batch > 1 else "graphile",
        "graphile-worker",
        f"{CONCURRENCY} at once, {how}; no ledger: a finished job's row is deleted",
        [node.node, node.folder / "job-graphile.mjs"],
        _peer_environ(scratch, batch),
        drained,
        "truncate graphile_worker._private_jobs",
    )


def procrastinate(scratch: Scratch, python: PythonPeers, drained: int) -> Program:
    return Program(
        "procrastinate",
        "procrastinate",
        f"psycopg, {CONCURRENCY} at once; finished jobs are deleted, no ledger",
        [python.python, PEERS / "job_procrastinate.py"],
        _peer_environ(scratch, 1),
        drained,
        "truncate procrastinate_jobs, procrastinate_events cascade",
    )


def missing(node: NodePeers | Unavailable, python: PythonPeers | Unavailable) -> list[Missing]:
    """The peers that cannot run here."""
    found = []
    if isinstance(node, Unavailable):
        found.append(Missing(title="graphile-worker", reason=node.reason))
    if isinstance(python, Unavailable):
        found += [Missing(title=title, reason=python.reason) for title in ("pgqueuer", "procrastinate", "Celery")]
    return found


def _peer_environ(scratch: Scratch, batch: int) -> dict[str, str]:
    """Peers get the superuser: their schemas know no roles."""
    peer = {"url": scratch.admin_url, "concurrency": CONCURRENCY, "batch": batch}
    return {**own_environ(), "NODE_ENV": "production", "PEER": json.dumps(peer)}
