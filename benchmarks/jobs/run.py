"""`./clarivum bench jobs`: all scenarios on one scratch database."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.harness.machine import machine_facts
from benchmarks.harness.peers import (
    NodePeers,
    PythonPeers,
    Unavailable,
    install_node_peers,
    install_python_peers,
)
from benchmarks.harness.results import Layer, Result, Scenario
from benchmarks.harness.rounds import Say
from benchmarks.harness.scratch import Scratch, scratch_database
from benchmarks.harness.versions import versions
from benchmarks.jobs import endurance, programs, sqs
from benchmarks.jobs.declared import BATCH, JOBS
from benchmarks.jobs.scenarios import JobBench, drain_aims, enqueue_aims, sqs_aims, start_aims
from bff.app import application
from clarivum.jobs.transports.queues import ensure_queues


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure. `scale` multiplies every number of jobs; 1 makes runs of a few seconds."""

    data: Path
    postgres: int = 18
    runs: int = 5
    scale: float = 1.0
    peers: bool = True
    profile: bool = False

    def jobs(self, count: int) -> int:
        return max(round(count * self.scale), 100)


@dataclass(frozen=True, slots=True)
class Installed:
    """What of the peers is there."""

    node: NodePeers | Unavailable
    python: PythonPeers | Unavailable


ABSENT = Installed(Unavailable("left out with --no-peers"), Unavailable("left out with --no-peers"))


def measure(options: Options, command: str, say: Say) -> Result:
    """Everything from an empty scratch server to the result; what was started is stopped in any case."""
    facts = machine_facts()
    installed = ABSENT
    if options.peers:
        say("installing the peers (once)")
        installed = Installed(install_node_peers(options.data), install_python_peers(options.data))
    with scratch_database(options.data, options.postgres, application.migrations) as scratch:
        ensure_queues(scratch.admin_url, JOBS.values())
        say(f"Postgres {options.postgres} on a scratch directory, migrated")
        scenarios = _scenarios(options, scratch, installed, say)
        return Result(
            command=command,
            date=datetime.now(UTC).date().isoformat(),
            settings={
                **facts,
                "rounds": f"{options.runs}, order rotated, tables emptied before each run",
                "workers": f"one process, {programs.CONCURRENCY} jobs at once where the library lets one choose",
            },
            database=scratch.settings,
            versions=versions(
                installed.node if isinstance(installed.node, NodePeers) else None,
                installed.python if isinstance(installed.python, PythonPeers) else None,
            ),
            scenarios=scenarios,
        )


def _profile(options: Options, scratch: Scratch, program: programs.Program, enough: int) -> tuple[Layer, ...]:
    """A full queue is more than a worker drains while it is sampled."""
    if not options.profile:
        return ()
    scratch.execute(program.reset)
    program.run("fill", enough)
    return replace(program, drained=enough).profile(options.data)


def _scenarios(options: Options, scratch: Scratch, installed: Installed, say: Say) -> tuple[Scenario, ...]:
    node, python = installed.node, installed.python
    jobs = options.jobs
    bench = JobBench(scratch, options.runs, say, programs.missing(node, python))
    batched_ours = programs.ours(
        scratch,
        "batched",
        "Clarivum, batched",
        f"the worker, {BATCH} runs and their ledger rows a transaction",
        jobs(40_000),
    )
    single_ours = programs.ours(
        scratch, "single", "Clarivum", "the worker, effect and ledger row in one transaction a job", jobs(20_000)
    )
    batched, single = [batched_ours, programs.raw_pgmq(scratch, jobs(60_000))], [single_ours]
    timed = [single_ours]
    if isinstance(node, NodePeers):
        batched.append(programs.graphile(scratch, node, jobs(40_000), batch=BATCH))
        single.append(programs.graphile(scratch, node, jobs(20_000), batch=1))
        single[-1].run("setup")
        timed.append(single[-1])
    if isinstance(python, PythonPeers):
        pgqueuer = programs.pgqueuer(scratch, python, jobs(20_000))
        procrastinate = programs.procrastinate(scratch, python, jobs(1_000))
        for program in (pgqueuer, procrastinate):
            program.run("setup")
        batched.append(pgqueuer)
        single.append(procrastinate)
        timed += [pgqueuer, procrastinate]
    drained = bench.drain(
        "drain-batched",
        "Draining a queue, many jobs a transaction",
        "A filled queue and one worker; from its first job to the last acknowledgement. The handler does nothing.",
        batched,
    )
    one_by_one = bench.drain(
        "drain-single",
        "Draining a queue, one transaction a job",
        "As above, but no job shares its fate with another.",
        single,
    )
    enqueued = bench.enqueue([*timed, batched[1]], jobs(1_000))
    started = bench.start(timed, jobs(600))
    batched_aims, single_aims = drain_aims(drained, one_by_one)
    on_sqs = _on_sqs(options, scratch, installed, bench)
    aged = _on_a_full_ledger(options, scratch, bench)
    return (
        drained.model_copy(update={"aims": batched_aims, "profile": _profile(options, scratch, batched_ours, 200_000)}),
        one_by_one.model_copy(update={"aims": single_aims, "profile": _profile(options, scratch, single_ours, 50_000)}),
        enqueued.model_copy(update={"aims": enqueue_aims(enqueued)}),
        started.model_copy(update={"aims": start_aims(started)}),
        on_sqs.model_copy(update={"aims": sqs_aims(on_sqs)}),
        *aged,
        endurance.memory(scratch, options.jobs(endurance.MILLION), say),
    )


def _on_a_full_ledger(options: Options, scratch: Scratch, bench: JobBench) -> list[Scenario]:
    """The same work on an empty ledger and on one with a million finished runs."""
    alone = JobBench(bench.scratch, bench.rounds, bench.say)
    runs, found = options.jobs(endurance.MILLION), []
    with endurance.full_ledger(scratch, runs) as full:
        for job, text, drained in (
            ("batched", "many jobs a transaction", options.jobs(300_000)),
            ("single", "one transaction a job", options.jobs(60_000)),
        ):
            scenario = alone.drain(
                f"ledger-{job}",
                f"A ledger with {runs:,} finished runs, {text}",
                "As the draining above, on an empty ledger and on a full one, each in a database of its own.",
                endurance.ledger_programs(scratch, full, job, runs, drained),
            )
            aims = endurance.ledger_aims(scenario, job, f"a full ledger against a fresh one, {text}")
            found.append(scenario.model_copy(update={"aims": aims}))
    return found


def _on_sqs(options: Options, scratch: Scratch, installed: Installed, bench: JobBench) -> Scenario:
    """All on one endpoint in memory, which is a process of its own and not counted."""
    with sqs.sqs_endpoint() as environ:
        contenders = [
            sqs.ours_on_sqs(
                scratch,
                environ,
                "batched",
                title="Clarivum, batched",
                note=f"the worker, {BATCH} runs and their ledger rows a transaction",
                drained=options.jobs(20_000),
            ),
            sqs.ours_on_sqs(
                scratch,
                environ,
                "single",
                title="Clarivum",
                note="the worker, effect and ledger row in one transaction a job",
                drained=options.jobs(10_000),
            ),
        ]
        if isinstance(installed.python, PythonPeers):
            contenders.append(sqs.celery(environ, installed.python, options.jobs(500)))
        return bench.drain(
            "drain-sqs",
            "Draining a queue on SQS",
            "As above, from an SQS endpoint in memory, filled before; ours through outbox and relay.",
            contenders,
        )
