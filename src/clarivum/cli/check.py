"""`check`: hold the application against the guide's rules."""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from clarivum.checks import Facts, Level, choose, run
from clarivum.cli.group import group
from clarivum.cli.place import APPLICATION
from clarivum.cli.report import failing, render
from clarivum.cli.terminal import Format, wants_colour
from clarivum.clock import SYSTEM_CLOCK
from clarivum.errors import Exit

app = group()


@app.command()
def check(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER | CHAPTER/RULE]…", help="What to look at. [all rules]")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    fail_on: Annotated[Level, typer.Option(help="The least bad level that ends with exit code 1.")] = Level.WARNING,
    application: Annotated[str, typer.Option(help="module:attribute of the application.")] = APPLICATION,
    postgres: Annotated[int, typer.Option(help="Version of the scratch Postgres: 16 or 18.")] = 18,
) -> None:
    """Hold the application against the guide's rules: exit code 0 without findings, 1 with.

    Rules about tables and queries look at a scratch database of its own, made for the occasion and thrown away;
    DATABASE_URL is not touched. What a rule looks for stands in docs/checks/; a finding that somebody answers for is
    waived in waivers.toml, with a date.
    """
    if postgres not in {16, 18}:
        raise typer.BadParameter("the embedded Postgres comes as 16 or 18", param_hint="--postgres")
    rules = choose(what or [])
    signal.signal(signal.SIGTERM, _end)
    today = datetime.now(UTC).date()
    with (
        _Progress() as progress,
        Facts(application, today=today, progress=progress, postgres=postgres, environ=os.environ) as facts,
    ):
        report = run(facts, rules, SYSTEM_CLOCK)
    sys.stdout.write(render(report, rules, form, colour=wants_colour()))
    sys.stdout.flush()
    if any(failing(report.findings, fail_on)):
        raise typer.Exit(Exit.FINDINGS)


def _end(number: int, _frame: object) -> None:
    """Leave through the `with` blocks, so that the scratch server and its folder go away."""
    sys.exit(128 + number)


class _Progress:
    """Says on standard error what is being read: on a terminal in one line that goes away, else a line for each step
    that begins after the first second."""

    def __init__(self) -> None:
        self._live = sys.stderr.isatty()
        self._began = time.monotonic()

    def __call__(self, step: str) -> None:
        if self._live:
            print(f"\r\033[K  … {step}", end="", file=sys.stderr, flush=True)
        elif time.monotonic() - self._began > 1.0:
            print(f"  … {step}", file=sys.stderr, flush=True)

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *exc: object) -> None:
        if self._live:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
