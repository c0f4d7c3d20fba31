"""`bench`: measure ours and its peers side by side in one run, with what lies in `benchmarks/` of the repository."""

import importlib
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Annotated

import typer

from clarivum.cli.bench_leaks import leaks_command
from clarivum.cli.group import group
from clarivum.cli.place import ROOT, data_folder
from clarivum.errors import ConfigurationError, Exit, UsageError

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
Postgres = Annotated[int, typer.Option(help="Version of the embedded Postgres: 16 or 18.")]
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
    measurement = _benchmarks("request.run")
    options = _benchmarks("request.bench").Options(
        data=data_folder(data),
        postgres=_version(postgres),
        runs=runs or (1 if quick else RUNS),
        seconds=seconds or (1.0 if quick else 4.0),
        warm_up_s=0.5 if quick else 5.0,
        connections=connections,
        rows=rows or (QUICK_ROWS if quick else 200_000),
        peers=peers,
        profile=profile,
    )
    with _stopped_by_signals():
        result = measurement.measure(options, _command(), _say)
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
    """Measure draining a queue, single enqueues, and the time from enqueue to start.

    Against a raw pgmq loop, graphile-worker, pgqueuer and procrastinate, on a scratch database. Takes about four
    minutes; everything stays on loopback and is stopped at the end.
    """
    _refuse_quick_page(quick, write)
    measurement = _benchmarks("jobs.run")
    options = measurement.Options(
        data=data_folder(data),
        postgres=_version(postgres),
        runs=runs or (1 if quick else RUNS),
        scale=QUICK_SCALE if quick else 1.0,
        peers=peers,
        profile=profile,
    )
    with _stopped_by_signals():
        result = measurement.measure(options, _command(), _say)
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
    measurement = _benchmarks("check_scale")
    shares = tuple(share or measurement.SHARES)
    if not all(0.01 <= each <= MAX_SHARE for each in shares):
        raise UsageError(f"--share must lie between 0.01 and {MAX_SHARE:g}")
    with _stopped_by_signals():
        measured = measurement.measure(shares, _say)
    typer.echo(measurement.summary(measured))


@app.command()
def tokens(
    repeats: Annotated[int, typer.Option(help="How often each token is verified.", min=1, max=10_000)] = 200,
) -> None:
    """Measure what a token costs: accepted, found in the cache, and refused for each reason.

    With the tokens that the tests refuse, in this process. Takes about ten seconds.
    """
    measurement = _benchmarks("token_cost")
    typer.echo(measurement.summary(measurement.measure(repeats, _say)))


def _benchmarks(name: str) -> ModuleType:
    """A module of the repository's `benchmarks/`, which an installed package does not carry."""
    if not (ROOT / "benchmarks").is_dir():
        raise ConfigurationError("benchmarks/ is not here: `bench` runs from a clone of the repository")
    if str(ROOT) not in sys.path:
        sys.path.insert(0, str(ROOT))
    return importlib.import_module(f"benchmarks.{name}")


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """SIGTERM and SIGHUP end the measurement the way Ctrl-C does: everything that was started is stopped first."""

    def end(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _finish(name: str, result: object, *, write: bool, as_json: bool) -> None:
    results, report = _benchmarks("harness.results"), _benchmarks("harness.report")
    assert isinstance(result, results.Result)
    if write:
        result.save(name)
        page = ROOT / "docs" / "benchmarks.md"
        page.write_text(report.page(), encoding="utf-8")
        _say(f"wrote {page.relative_to(ROOT)}")
    typer.echo(json.dumps(result.model_dump(mode="json"), indent=1) if as_json else report.summary(result))
    if failed := [target.title for scenario in result.scenarios for target in scenario.targets if target.errors]:
        _say(f"errors were counted for {', '.join(failed)}: their figures mean nothing")
        raise typer.Exit(Exit.FINDINGS)


def _refuse_quick_page(quick: bool, write: bool) -> None:
    if quick and write:
        raise UsageError("--quick measures too little for docs/benchmarks.md; leave out --quick or --write")


def _version(postgres: int) -> int:
    if postgres not in {16, 18}:
        raise UsageError("--postgres must be 16 or 18")
    return postgres


def _command() -> str:
    """What was typed, for the report."""
    return " ".join(["./clarivum", *sys.argv[1:]])


def _say(line: str) -> None:
    """Progress goes to standard error, so that --json can be piped."""
    typer.echo(f"  {line}", err=True)


app.command("leaks", short_help="Prove that no row of one tenant reaches another.")(leaks_command(_benchmarks, _say))
