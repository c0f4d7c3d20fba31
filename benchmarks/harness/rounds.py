"""Interleaved rounds: every target once a round, in rotated order, so that the machine's moods fall on all alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from benchmarks.harness.load import Load, LoadError
from benchmarks.harness.processes import NotReadyError, cpu_seconds
from benchmarks.harness.results import Cpu, Missing, Run, Target
from benchmarks.harness.spread import rotated

Say = Callable[[str], None]


@dataclass(slots=True)
class Contender:
    """A target with the means to measure it once. `measure` gets the number of the round."""

    name: str
    title: str
    note: str
    measure: Callable[[int], Run]
    runs: list[Run] = field(default_factory=list)


def run_rounds(contenders: Sequence[Contender], rounds: int, say: Say) -> tuple[list[Target], list[Missing]]:
    """Measure everybody `rounds` times. Who fails once is out, and named with the reason."""
    failed: dict[str, str] = {}
    for number in range(rounds):
        for contender in rotated(contenders, number):
            if contender.name in failed:
                continue
            try:
                run = contender.measure(number)
            except (LoadError, NotReadyError, OSError) as error:
                failed[contender.name] = str(error)
                say(f"round {number + 1}/{rounds}  {contender.title}: {error}")
                continue
            contender.runs.append(run)
            say(f"round {number + 1}/{rounds}  {contender.title:34} {describe(run)}")
    targets = [
        Target(name=contender.name, title=contender.title, note=contender.note, runs=tuple(contender.runs))
        for contender in contenders
        if contender.name not in failed
    ]
    missing = [Missing(title=who.title, reason=failed[who.name]) for who in contenders if who.name in failed]
    return targets, missing


def describe(run: Run) -> str:
    """One run on one line."""
    timing = "" if run.p50_ms is None or run.p99_ms is None else f"  p50 {run.p50_ms:.2f} ms  p99 {run.p99_ms:.2f} ms"
    errors = f"  {run.errors} errors" if run.errors else ""
    return f"{run.per_second:>9,.0f}/s{timing}{errors}"


def measured(load: Callable[[], Load], *, server: int, database: int) -> Run:
    """Run a load and say who spent which CPU time: the server and the database by process id, the generator itself."""
    before = (cpu_seconds(server), cpu_seconds(database))
    result = load()
    after = (cpu_seconds(server), cpu_seconds(database))
    return Run(
        per_second=result.per_second,
        units=result.requests,
        errors=result.errors,
        p50_ms=result.p50_ms,
        p99_ms=result.p99_ms,
        cpu_s=Cpu(server=after[0] - before[0], database=after[1] - before[1], generator=result.generator_cpu_s),
    )
