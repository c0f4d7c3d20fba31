"""What a worker's age and a ledger's size cost: a million finished runs, and the memory after a million jobs."""

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import count

import psutil
import psycopg

from benchmarks.harness.identity import own_environ
from benchmarks.harness.load import ROOT, LoadError
from benchmarks.harness.processes import cpu_seconds, stop
from benchmarks.harness.results import Aim, Cpu, Run, Scenario, Target, runs_of
from benchmarks.harness.rounds import Say
from benchmarks.harness.scratch import Scratch
from benchmarks.harness.spread import Spread, paired_ratio
from benchmarks.jobs.declared import JOBS, batched
from benchmarks.jobs.programs import CONCURRENCY, Program, ours

MILLION = 1_000_000
FULL = "bench_full_ledger"
SLICES = 20
SLICE_WITHIN_S = 300.0
LOOK_S = 0.05
GROWTH_MIB = 8.0
"""What a worker may have grown by after its first twentieth: allocators keep some of what was free for a moment."""
FINISHED = """
insert into clarivum.job_runs (run_id, enqueued_at, started_at, finished_at, attempt, state, job, key, message_id)
select gen_random_uuid(), at, at, at, 1, 'done', %(job)s, number::text, number::text
from generate_series(1, %(runs)s) as number cross join lateral (select now() - number * interval '1 s') as past (at)
"""
SEND = """
select count(*) from pgmq.send_batch(%(queue)s, (
    select array_agg(jsonb_build_object('number', number, 'sent_at', 0))
    from generate_series(%(first)s::integer, %(last)s::integer) as number
))
"""


# -- a ledger with a million runs --------------------------------------------------------------------------------------
@contextmanager
def full_ledger(scratch: Scratch, runs: int) -> Iterator[Scratch]:
    """A second database on the same server, equal but for a ledger that holds so many finished runs of each job."""
    scratch.execute(f"create database {FULL} template postgres strategy file_copy")
    full = Scratch(
        scratch.server,
        scratch.server.admin_url(FULL, tcp=True),
        scratch.server.app_url(FULL, tcp=True),
    )
    try:
        with psycopg.connect(full.admin_url, autocommit=True) as connection:
            for job in JOBS.values():
                connection.execute(FINISHED, {"job": job.name, "runs": runs // len(JOBS)})
            connection.execute("vacuum (freeze, analyze) clarivum.job_runs")
            connection.execute("checkpoint")
        yield full
    finally:
        scratch.execute(f"drop database {FULL} with (force)")


def ledger_programs(fresh: Scratch, full: Scratch, job: str, runs: int, drained: int) -> list[Program]:
    """The same worker on both. The full ledger keeps its runs from round to round; the fresh one is emptied."""
    queue, numbers = JOBS[job].queue, count()

    def program(where: Scratch, title: str, note: str) -> Program:
        def fill(jobs: int) -> None:
            first = next(numbers) * jobs  # other jobs than in the rounds before
            with psycopg.connect(where.admin_url, autocommit=True) as connection:
                _send(connection, queue, range(first, first + jobs))

        return replace(ours(where, job, title, note, drained), where=where, fill=fill)

    small = program(fresh, "Clarivum, fresh ledger", "the ledger is empty at first")
    large = program(full, "Clarivum, full ledger", f"the ledger holds {runs:,} finished runs at first")
    return [small, replace(large, name=f"{large.name}-full", reset=f"truncate pgmq.q_{queue}")]


def ledger_aims(scenario: Scenario, job: str, text: str) -> tuple[Aim, ...]:
    fresh, full = scenario.target(f"ours-{job}"), scenario.target(f"ours-{job}-full")
    if fresh is None or full is None:
        return ()
    ratio = paired_ratio(runs_of(full, "per_second"), runs_of(fresh, "per_second"))
    return (Aim(text=text, wanted=1.0, unit="×", at_least=True, measured=ratio),)


# -- a worker's memory -------------------------------------------------------------------------------------------------
def memory(scratch: Scratch, jobs: int, say: Say) -> Scenario:
    """One worker process, as `jobs work` runs it, over that many jobs; its resident memory after each twentieth."""
    say(f"-- Memory of a worker over {jobs:,} jobs")
    scratch.execute(f"truncate pgmq.q_{batched.queue}, clarivum.job_runs")
    environ = {**own_environ(), "PEER": json.dumps({"url": scratch.app_url}), "CLARIVUM_LOG_LEVEL": "error"}
    worker = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.jobs.endurance"], cwd=ROOT, env=environ, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    )  # fmt: skip
    resident: list[float] = []
    runs: list[Run] = []
    try:
        for number in range(SLICES):
            first, last = number * jobs // SLICES, (number + 1) * jobs // SLICES
            runs.append(_slice(scratch, worker.pid, range(first, last)))
            resident.append(psutil.Process(worker.pid).memory_info().rss / 2**20)
            say(f"{last:,} jobs: {resident[-1]:.1f} MiB")
    finally:
        stop(worker)
    shown = ", ".join(f"{value:.1f}" for value in resident)
    return Scenario(
        name="memory",
        title=f"Memory of a worker over {jobs:,} jobs",
        about=f"One worker process, batches shared; resident MiB after each {jobs // SLICES:,} jobs: {shown}.",
        unit="job",
        targets=(Target(name="ours-memory", title="Clarivum, batched", runs=tuple(runs)),),
        aims=(memory_aim(resident),),
    )


def memory_aim(resident: list[float]) -> Aim:
    """How far the worker grew after its first twentieth."""
    grown = Spread.of([max(resident[1:]) - resident[0]])
    text = "memory of a worker, growth from the first twentieth of its jobs to the last"
    return Aim(text=text, wanted=GROWTH_MIB, unit="MiB", at_least=False, measured=grown)


def _send(connection: psycopg.Connection, queue: str, numbers: range) -> None:
    """Jobs with these numbers, all at once."""
    connection.execute(SEND, {"queue": queue, "first": numbers.start, "last": numbers.stop - 1})


def _slice(scratch: Scratch, worker: int, numbers: range) -> Run:
    with psycopg.connect(scratch.admin_url, autocommit=True) as connection:
        database, process, began = cpu_seconds(scratch.server.pid), cpu_seconds(worker), time.perf_counter()
        _send(connection, batched.queue, numbers)
        connection.execute("select pg_notify('clarivum_jobs', %s)", [batched.queue])
        deadline = time.monotonic() + SLICE_WITHIN_S
        while (connection.execute(f"select 1 from pgmq.q_{batched.queue} limit 1".encode())).fetchone():
            if time.monotonic() > deadline or not psutil.pid_exists(worker):
                raise LoadError(f"the worker did not finish {len(numbers)} jobs within {SLICE_WITHIN_S:.0f} s")
            time.sleep(LOOK_S)
        seconds = time.perf_counter() - began
    cpu = Cpu(server=cpu_seconds(worker) - process, database=cpu_seconds(scratch.server.pid) - database, generator=0.0)
    per_second = len(numbers) / seconds
    return Run(per_second=per_second, units=len(numbers), errors=0, p50_ms=None, p99_ms=None, cpu_s=cpu)


def _work() -> None:
    """The worker process whose memory is looked at."""
    from benchmarks.peers import job_peer  # noqa: PLC0415 - the parent needs none of it
    from clarivum.jobs.options import WorkerOptions  # noqa: PLC0415
    from clarivum.jobs.worker.process import work  # noqa: PLC0415
    from clarivum.settings import Settings  # noqa: PLC0415

    settings = Settings.load({"CLARIVUM_LOG_LEVEL": "error"})
    url = str(job_peer.settings()["url"])
    with suppress(asyncio.CancelledError):
        work([batched], settings, database_url=url, options=WorkerOptions(concurrency=CONCURRENCY))


if __name__ == "__main__":
    _work()
