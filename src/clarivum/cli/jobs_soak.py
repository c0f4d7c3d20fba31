"""`jobs soak`: jobs under worker kills and database restarts, and whether each had its effect once."""

import json
import sys
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.measurements import benchmarks, say, stopped_by_signals
from clarivum.cli.options import Postgres
from clarivum.cli.terminal import Format
from clarivum.errors import Exit, UsageError

MAX_JOBS = 1_000_000
KEPT_FROM = (20_000, 200, 50)
"""What the page in docs/ must at least have gone through: jobs, kills, restarts."""


class Transport(StrEnum):
    """Where the soak's messages are."""

    PGMQ = "pgmq"


def soak(
    *,
    jobs: Annotated[int, typer.Option(min=1, max=MAX_JOBS, help="How many.")] = 20_000,
    kills: Annotated[int, typer.Option(min=0, max=10_000, help="Worker processes to SIGKILL.")] = 200,
    restarts: Annotated[int, typer.Option(min=0, max=1_000, help="Immediate restarts of the database.")] = 50,
    seed: Annotated[int, typer.Option(min=0, help="Of the order of the faults.")] = 20_261_126,
    transport: Annotated[Transport, typer.Option(help="Where the messages are.")] = Transport.PGMQ,
    postgres: Postgres = 18,
    limit: Annotated[float, typer.Option(min=10, max=7_200, help="Seconds after which it gives up.")] = 1_200.0,
    report: Annotated[Path | None, typer.Option(help="Write the result there as Markdown.")] = None,
    form: Annotated[Format, typer.Option("--format", help="How the result is printed.")] = Format.TEXT,
) -> None:
    """Run jobs while workers are killed and the database restarts; count their effects.

    On a Postgres of its own in a temporary folder, with worker and producer processes of its own; workers are also
    frozen, producers killed. The 20,000 take about seven minutes on two cores. Everything is ended and deleted, also by
    Ctrl-C. Exit code 1 when a job was lost or had its effect twice.
    """
    run, pages = benchmarks("soak.run"), benchmarks("soak.report")
    asked = benchmarks("soak.plan").Asked(jobs, kills, restarts, seed, transport.value, postgres, limit)
    is_page = report is not None and report.resolve() == run.PAGE
    if is_page and any(given < least for given, least in zip((jobs, kills, restarts), KEPT_FROM, strict=True)):
        raise UsageError("docs/soak.md tells of at least 20,000 jobs, 200 kills and 50 restarts")
    with stopped_by_signals():
        result = run.measure(asked, say)
    if report is not None:
        report.write_text(pages.page(result), encoding="utf-8")
        say(f"wrote {report}")
    if is_page:
        run.keep(result)
    sys.stdout.write(f"{json.dumps(asdict(result), indent=1)}\n" if form is Format.JSON else pages.page(result))
    sys.stdout.flush()
    for complaint in result.complaints:
        say(complaint)
    if result.complaints:
        raise typer.Exit(Exit.FINDINGS)
