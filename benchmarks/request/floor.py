"""pgbench with the statements that the application was seen to execute: the floor under a request."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.harness.pgbench import inlined, run_pgbench, script
from benchmarks.harness.results import Run
from benchmarks.harness.rounds import Contender
from benchmarks.harness.statement_log import evened, executed
from benchmarks.request.bench import Bench
from clarivum.errors import DependencyDownError

Expressions = Mapping[int, str]
"""pgbench expressions for `$1`… of one statement."""


def observed(bench: Bench, act: Callable[[], object], values: Mapping[str, Expressions]) -> list[str]:
    """What the application executes for `act`, as SQL for pgbench. `values`: the expressions of each statement.

    Raises DependencyDownError for a statement with parameters that `values` does not know.
    """
    act()  # a first time, so that connections and prepared statements are there
    return with_values(executed(bench.scratch, act), values)


def with_values(statements: Sequence[str], values: Mapping[str, Expressions]) -> list[str]:
    """Statements with their parameters replaced; those without stay as they are."""
    known = {evened(sql): expressions for sql, expressions in values.items()}
    found = []
    for statement in statements:
        if "$1" in statement and statement not in known:
            raise DependencyDownError(f"benchmarks/request does not know the values of what is executed: {statement}")
        found.append(inlined(statement, known.get(statement, {})))
    if missing := known.keys() - set(statements):
        raise DependencyDownError(f"benchmarks/request expects what is not executed: {'; '.join(sorted(missing))}")
    return found


def pipelined(
    bench: Bench, trips: Sequence[Sequence[str]], variables: Sequence[str], note: str, before: Callable[[], object]
) -> Contender:
    """As the application sends them: each of `trips` is one round trip. `before` runs ahead of each measurement."""
    first, *others = trips
    text = script(first, variables=variables, pipelined=True) + "".join(script(trip, pipelined=True) for trip in others)
    return Contender("pgbench-pipelined", "pgbench, same round trips", note, _measure(bench, text, before))


def awaited(
    bench: Bench, statements: Sequence[str], variables: Sequence[str], note: str, before: Callable[[], object]
) -> Contender:
    """Each statement sent when the one before was answered, as most clients do."""
    text = script(statements, variables=variables)
    return Contender("pgbench", "pgbench, statement by statement", note, _measure(bench, text, before))


def _measure(bench: Bench, text: str, before: Callable[[], object]) -> Callable[[int], Run]:
    options = bench.options

    def measure(_round: int) -> Run:
        before()
        return run_pgbench(bench.scratch, text, options.folder, clients=options.connections, seconds=options.seconds)

    return measure
