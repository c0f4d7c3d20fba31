"""The scripts given to pgbench, and what is read from its output."""

import pytest
from pglast import parse_sql

from benchmarks.harness.load import LoadError
from benchmarks.harness.pgbench import inlined, read_result, script
from benchmarks.request.capture import capture_statements
from benchmarks.request.work import FIRST_PAGE, context_statement, read_statement
from bff.entitlements.queries import queries as entitlements

OUTPUT = """number of transactions actually processed: 4000
number of failed transactions: 3 (0.075%)
latency average = 1.0 ms
tps = 2000.0 (without initial connection time)
"""


def test_parameters_become_expressions() -> None:
    assert inlined("select $1, $10, '$'", {1: "now()", 10: ":n"}) == "select now(), :n, '$'"
    with pytest.raises(KeyError):
        inlined("select $2", {1: "1"})


def test_a_pipelined_script_is_one_round_trip() -> None:
    text = script(["select\n  1", "commit;"], variables=["n random(1, 9)"], pipelined=True)
    assert text == "\\set n random(1, 9)\n\\startpipeline\nselect 1;\ncommit;\n\\endpipeline\n"


def test_the_result_comes_from_output_and_log() -> None:
    load = read_result(OUTPUT, [float(number) for number in range(1, 101)], 0.5)
    assert (load.requests, load.seconds, load.errors, load.per_second) == (4_000, 2.0, 3, 2_000.0)
    assert (load.p50_ms, load.p99_ms, load.generator_cpu_s) == (50.0, 99.0, 0.5)


@pytest.mark.parametrize(("output", "latencies"), [("", [1.0]), (OUTPUT, [])])
def test_no_result_is_an_error(output: str, latencies: list[float]) -> None:
    with pytest.raises(LoadError, match="no result"):
        read_result(output, latencies, 0.0)


def test_the_read_is_the_applications_own_statement() -> None:
    read = read_statement()
    assert read.sql == entitlements.entitlements_page.sql
    assert len(read.values) == len(FIRST_PAGE)
    assert context_statement().values.count(None) == 1


def test_the_capture_is_one_transaction_of_statements_that_parse() -> None:
    first, second = capture_statements()
    for statement in [*first, *second]:
        parse_sql(statement.replace(":n", "1"))
    assert first[0].startswith("begin")
    assert "insert into public.leads" in first[-1]
    assert "pgmq.send('leads_enrich'" in second[0]
    assert second[-1] == "commit"
