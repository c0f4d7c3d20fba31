"""What is measured about jobs, and by which program's which mode."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from benchmarks.harness.processes import cpu_seconds
from benchmarks.harness.results import Aim, Cpu, Missing, Run, Scenario, runs_of
from benchmarks.harness.rounds import Contender, Say, run_rounds
from benchmarks.harness.scratch import Scratch
from benchmarks.harness.spread import Spread, paired_ratio
from benchmarks.jobs.programs import Program

INTERVAL_S = 0.005
"""Pace of the jobs whose start is timed: 200 a second leave every worker idle in between."""


@dataclass(frozen=True, slots=True)
class JobBench:
    """A running bench: where, how many rounds, whom to tell, and who cannot take part."""

    scratch: Scratch
    rounds: int
    say: Say
    unavailable: Sequence[Missing] = ()

    def drain(self, name: str, title: str, about: str, programs: Iterable[Program]) -> Scenario:
        """Fill each queue, then time a worker from its first job to the last acknowledgement."""

        def measure(program: Program) -> Run:
            if program.fill is None:
                program.run("fill", program.drained)
            else:
                program.fill(program.drained)
            self.scratch.execute("checkpoint")
            return self._measured(program.drained, lambda: program.run("work", program.drained))

        return self._scenario(name, title, about, programs, measure)

    def enqueue(self, programs: Iterable[Program], count: int) -> Scenario:
        """One job after another from one producer, each committed before the next."""

        def measure(program: Program) -> Run:
            return self._measured(count, lambda: program.run("produce", count, 0))

        about = (
            f"One producer, {count:,} jobs, each in a transaction that is committed before the next begins."
            " No worker is running."
        )
        return self._scenario("enqueue", "Enqueue, one job at a time", about, programs, measure)

    def start(self, programs: Iterable[Program], count: int) -> Scenario:
        """From the call that enqueues to the first line of the handler, in two processes."""

        def measure(program: Program) -> Run:
            result = program.run_both(count, INTERVAL_S)
            return Run(
                per_second=result["units"] / result["seconds"],
                units=int(result["units"]),
                errors=abs(int(result["units"]) - count),
                p50_ms=result["p50_ms"],
                p99_ms=result["p99_ms"],
                cpu_s=Cpu(server=0.0, database=0.0, generator=0.0),
            )

        about = (
            f"One producer process sends {count:,} jobs, one every {INTERVAL_S * 1e3:g} ms, to an idle worker process."
            " Timed from before the enqueue, whose commit is thus included, to the first line of the handler."
        )
        scenario = self._scenario("start", "From enqueue to start", about, programs, measure)
        return scenario.model_copy(update={"paced": True})

    def _scenario(
        self, name: str, title: str, about: str, programs: Iterable[Program], measure: Callable[[Program], Run]
    ) -> Scenario:
        self.say(f"-- {title}")

        def contender(program: Program) -> Contender:
            def once(_round: int) -> Run:
                (program.where or self.scratch).execute(program.reset)
                return measure(program)

            return Contender(program.name, program.title, program.note, once)

        targets, failed = run_rounds([contender(program) for program in programs], self.rounds, self.say)
        return Scenario(
            name=name,
            title=title,
            about=about,
            unit="job",
            targets=tuple(targets),
            missing=(*self.unavailable, *failed),
        )

    def _measured(self, expected: int, work: Callable[[], dict[str, float]]) -> Run:
        database = self.scratch.server.pid
        before = cpu_seconds(database)
        result = work()
        units = int(result["units"])
        return Run(
            per_second=units / result["seconds"],
            units=units,
            errors=abs(units - expected),
            p50_ms=None,
            p99_ms=None,
            cpu_s=Cpu(server=result["cpu_s"], database=cpu_seconds(database) - before, generator=0.0),
        )


def drain_aims(batched: Scenario, single: Scenario) -> tuple[tuple[Aim, ...], tuple[Aim, ...]]:
    """What draining was asked to reach."""
    ours, raw, pgqueuer = (batched.target(name) for name in ("ours-batched", "raw-pgmq", "pgqueuer"))
    found = []
    if ours:
        found.append(_at_least("batch drain with ledger", 20_000, "jobs/s", ours.per_second))
    for other, text, bound in ((raw, "the raw pgmq loop", 0.5), (pgqueuer, "pgqueuer", 1.0)):
        if ours and other:
            ratio = paired_ratio(runs_of(ours, "per_second"), runs_of(other, "per_second"))
            found.append(_at_least(f"batch drain, against {text}", bound, "×", ratio))
    alone = single.target("ours-single")
    one = (_at_least("one transaction a job", 5_000, "jobs/s", alone.per_second),) if alone else ()
    return tuple(found), one


def enqueue_aims(scenario: Scenario) -> tuple[Aim, ...]:
    ours = scenario.target("ours-single")
    return (_at_least("single enqueue", 2_500, "jobs/s", ours.per_second),) if ours else ()


def sqs_aims(scenario: Scenario) -> tuple[Aim, ...]:
    """What a worker on SQS was asked to reach. Celery's figure jumps too much for a ratio to mean anything."""
    ours = scenario.target("ours-sqs-batched")
    return (_at_least("SQS worker", 6_000, "jobs/s", ours.per_second),) if ours else ()


def start_aims(scenario: Scenario) -> tuple[Aim, ...]:
    ours = scenario.target("ours-single")
    if ours is None:
        return ()
    bounds = (("p50_ms", 2.7), ("p99_ms", 4.5))
    return tuple(
        Aim(text=f"enqueue to start, {which[:3]}", wanted=bound, unit="ms", at_least=False, measured=value)
        for which, bound in bounds
        if (value := ours.latency_ms(which)) is not None
    )


def _at_least(text: str, wanted: float, unit: str, measured: Spread) -> Aim:
    return Aim(text=text, wanted=wanted, unit=unit, at_least=True, measured=measured)
