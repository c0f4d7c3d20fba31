"""The scripts given to pgbench, and what is read from its output."""

import pytest
from pglast import parse_sql

from benchmarks.harness.load import LoadError
from benchmarks.harness.pgbench import inlined, read_result, script
from benchmarks.harness.results import Cpu
from benchmarks.harness.statement_log import ENTRY, entries, evened
from benchmarks.request.capture import capture_values, round_trips
from benchmarks.request.floor import with_values
from benchmarks.request.work import FIRST_PAGE, context_statement, read_statement
from bff.entitlements.queries import queries as entitlements
from clarivum.errors import DependencyDownError

OUTPUT = "number of failed transactions: 3 (0.075%)\n"
NOTHING = Cpu(server=0, database=0, generator=0)


def test_parameters_become_expressions() -> None:
    assert inlined("select $1, $10, '$'", {1: "now()", 10: ":n"}) == "select now(), :n, '$'"
    with pytest.raises(KeyError):
        inlined("select $2", {1: "1"})


def test_a_pipelined_script_is_one_round_trip() -> None:
    text = script(["select\n  1", "commit;"], variables=["n random(1, 9)"], pipelined=True)
    assert text == "\\set n random(1, 9)\n\\startpipeline\nselect 1;\ncommit;\n\\endpipeline\n"


def test_what_ends_in_the_warm_up_is_not_counted() -> None:
    """Columns: client, transaction, latency in µs, script, end in seconds and microseconds."""
    cold = [f"0 {number} 90000 0 999 {number}" for number in range(50)]
    warm = [f"0 {number} {number}000 0 1000 {number}0000" for number in range(1, 101)]
    run = read_result(OUTPUT, cold + warm, 1000.0, NOTHING)
    assert (run.units, run.errors, run.per_second) == (100, 3, pytest.approx(100.0))
    assert (run.p50_ms, run.p99_ms) == (50.0, 99.0)


@pytest.mark.parametrize(("output", "window"), [("", 0.0), (OUTPUT, 2000.0)])
def test_no_result_is_an_error(output: str, window: float) -> None:
    with pytest.raises(LoadError, match="no result"):
        read_result(output, ["0 1 500 0 1000 0"], window, NOTHING)


def test_the_read_is_the_applications_own_statement() -> None:
    read = read_statement()
    assert read.sql == entitlements.entitlements_page.sql
    assert len(read.values) == len(FIRST_PAGE)
    assert context_statement().values.count(None) == 1


def test_values_fit_the_applications_statements() -> None:
    """Each gives an expression to every parameter, and the result is SQL."""
    for sql, expressions in capture_values().items():
        (statement,) = with_values([evened(sql)], {sql: expressions})
        parse_sql(statement.replace(":n", "1"))


def test_statements_without_parameters_are_taken_as_they_are() -> None:
    values = {"select\n  $1": {1: ":n"}}
    assert with_values(["begin", "select $1", "commit"], values) == ["begin", "select :n", "commit"]
    with pytest.raises(DependencyDownError, match=r"does not know.*select \$1, 2"):
        with_values(["select $1, 2"], values)
    with pytest.raises(DependencyDownError, match="not executed"):
        with_values(["begin"], values)


def test_a_capture_is_two_round_trips() -> None:
    statements = ["begin", "insert into public.leads …", "select pgmq.send(…)", "commit"]
    assert round_trips(statements) == [statements[:2], statements[2:]]


def test_log_entries_are_put_together_again() -> None:
    log = (
        "2026-11-01 10:00:00.000 UTC [7] clarivum_api@postgres LOG:  execute c1: select 1,\n\t    2\n"
        "2026-11-01 10:00:00.001 UTC [7] clarivum_api@postgres LOG:  statement: commit;\n"
    )
    found = [ENTRY.search(entry) for entry in entries(log)]
    assert [evened(match["sql"]) for match in found if match] == ["select 1, 2", "commit"]
