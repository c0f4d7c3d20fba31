"""`bench`: measure ours and its peers side by side in one run, with what lies in `benchmarks/` of the repository."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.bench_leaks import leaks_command
from clarivum.cli.group import group
from clarivum.cli.measurements import benchmarks, say, stopped_by_signals
from clarivum.cli.options import Postgres
from clarivum.cli.place import ROOT, data_folder
from clarivum.errors import Exit, UsageError

app = group()

QUICK_ROWS = 20_000
QUICK_SCALE = 0.02
RUNS = 5
MAX_SECONDS = 60
MAX_SHARE = 4.0

Runs = Annotated[int | None, typer.Option(help="Rounds; three or more show the spread. [5]", min=1, max=50)]
Quick = Annotated[bool, typer.Option("--quick", help="One short round: does everything still run?")]
Profile = Annotated[bool, typer.Option("--profile", help="Sample our process and show its time by layer.")]
Peers = Annotated[bool, typer.Option("--peers/--no-peers", help="Install and measure the peers as well.")]
Data = Annotated[Path | None, typer.Option(help="Folder for the scratch database and the peers. [.clarivum]")]
Write = Annotated[bool, typer.Option("--write", help="Keep the result and write docs/benchmarks.md.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON instead of Markdown.")]


@app.command()
def request(
    *,
    runs: Runs = None,
    seconds: Annotated[float | None, typer.Option(help="One run of one target. [4]", min=0.5, max=MAX_SECONDS)] = None,
    connections: Annotated[int, typer.Option(help="Connections that send requests.", min=1, max=512)] = 32,
    rows: Annotated[int | None, typer.Option(help="Rows to read among. [200000]", min=1_000, max=5_000_000)] = None,
    profile: Profile = False,
    quick: Quick = False,
    peers: Peers = True,
    postgres: Postgres = 18,
    data: Data = None,
    write: Write = False,
    as_json: Json = False,
) -> None:
    """Measure a read under row-level security and the lead capture.

    Against raw ASGI on our driver, Bun, Fastify, FastAPI and pgbench, on a scratch database. Takes about four minutes;
    everything stays on loopback and is stopped at the end.
    """
    _refuse_quick_page(quick, write)
    measurement = benchmarks("request.run")
    options = benchmarks("request.bench").Options(
        data=data_folder(data),
        postgres=postgres,
        runs=runs or (1 if quick else RUNS),
        seconds=seconds or (1.0 if quick else 4.0),
        warm_up_s=0.5 if quick else 5.0,
        connections=connections,
        rows=rows or (QUICK_ROWS if quick else 200_000),
        peers=peers,
        profile=profile,
    )
    with stopped_by_signals():
        result = measurement.measure(options, _command(), say)
    _finish("request", result, write=write, as_json=as_json)


@app.command()
def jobs(
    *,
    runs: Runs = None,
    profile: Profile = False,
    quick: Quick = False,
    peers: Peers = True,
    postgres: Postgres = 18,
    data: Data = None,
    write: Write = False,
    as_json: Json = False,
) -> None:
    """Measure draining a queue, single enqueues, the time from enqueue to start, a full ledger, a worker's memory.

    Against a raw pgmq loop, graphile-worker, pgqueuer and procrastinate, on a scratch database. Takes about ten
    minutes; everything stays on loopback and is stopped at the end.
    """
    _refuse_quick_page(quick, write)
    measurement = benchmarks("jobs.run")
    options = measurement.Options(
        data=data_folder(data),
        postgres=postgres,
        runs=runs or (1 if quick else RUNS),
        scale=QUICK_SCALE if quick else 1.0,
        peers=peers,
        profile=profile,
    )
    with stopped_by_signals():
        result = measurement.measure(options, _command(), say)
    _finish("jobs", result, write=write, as_json=as_json)


@app.command()
def check(
    share: Annotated[
        list[float] | None,
        typer.Option(help="Size of a generated application, of 300 tables, 1,000 queries, 500 migrations. [.25 .5 1]"),
    ] = None,
) -> None:
    """Measure `check database` on our own application and on generated ones, and how it grows.

    Each size is a run of the real command, scratch databases included. Takes about a minute.
    """
    measurement = benchmarks("check_scale")
    shares = tuple(share or measurement.SHARES)
    if not all(0.01 <= each <= MAX_SHARE for each in shares):
        raise UsageError(f"--share must lie between 0.01 and {MAX_SHARE:g}")
    with stopped_by_signals():
        measured = measurement.measure(shares, say)
    typer.echo(measurement.summary(measured))


@app.command()
def tokens(
    repeats: Annotated[int, typer.Option(help="How often each token is verified.", min=1, max=10_000)] = 200,
) -> None:
    """Measure what a token costs: accepted, found in the cache, and refused for each reason.

    With the tokens that the tests refuse, in this process. Takes about ten seconds.
    """
    measurement = benchmarks("token_cost")
    typer.echo(measurement.summary(measurement.measure(repeats, say)))


@app.command()
def imports(
    rounds: Annotated[int, typer.Option(help="How often each is imported.", min=1, max=1_000)] = 15,
    data: Annotated[Path | None, typer.Option(help="Where the peers are installed. [.clarivum]")] = None,
    write: Write = False,
) -> None:
    """Measure what importing the Lambda handler costs, beside Powertools for AWS Lambda. Takes about a minute."""
    measurement = benchmarks("import_cost")
    costs, missing = measurement.measure(data_folder(data), rounds, say)
    _print("imports", measurement.report(costs), write=write)
    if missing:
        say(f"Powertools was not measured: {missing}")


@app.command()
def ledger(
    pairs: Annotated[int, typer.Option(help="Pairs of batches, with and without.", min=10, max=100_000)] = 300,
    data: Annotated[Path | None, typer.Option(help="Where the scratch server lives. [.clarivum]")] = None,
    write: Write = False,
) -> None:
    """Measure what the ledger costs a message in a Lambda function's batch of ten. Takes about half a minute."""
    measurement, scratch = benchmarks("jobs.lambda_ledger"), benchmarks("harness.scratch")
    with stopped_by_signals(), scratch.scratch_database(data_folder(data), 18, ROOT / "supabase/migrations") as there:
        _print("ledger", measurement.report(measurement.measure(there, pairs, say)), write=write)


def _print(name: str, text: str, *, write: bool) -> None:
    if write:
        benchmarks("harness.printed").keep(name, _command(), text)
        _write_page()
    typer.echo(text)


def _write_page() -> None:
    page = ROOT / "docs" / "benchmarks.md"
    page.write_text(benchmarks("harness.report").page(), encoding="utf-8")
    say(f"wrote {page.relative_to(ROOT)}")


def _finish(name: str, result: object, *, write: bool, as_json: bool) -> None:
    results, report = benchmarks("harness.results"), benchmarks("harness.report")
    assert isinstance(result, results.Result)
    if write:
        result.save(name)
        _write_page()
    typer.echo(json.dumps(result.model_dump(mode="json"), indent=1) if as_json else report.summary(result))
    if failed := [target.title for scenario in result.scenarios for target in scenario.targets if target.errors]:
        say(f"errors were counted for {', '.join(failed)}: their figures mean nothing")
        raise typer.Exit(Exit.FINDINGS)


def _refuse_quick_page(quick: bool, write: bool) -> None:
    if quick and write:
        raise UsageError("--quick measures too little for docs/benchmarks.md; leave out --quick or --write")


def _command() -> str:
    """What was typed, for the report."""
    return " ".join(["./clarivum", *sys.argv[1:]])


app.command("leaks", short_help="Prove that no row of one tenant reaches another.")(leaks_command(benchmarks, say))
