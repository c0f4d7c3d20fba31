"""`check`: hold the application against the guide's rules."""

import sys
from typing import Annotated

import typer

from clarivum.checks import Level, choose, run
from clarivum.cli.group import group
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.report import FindingsFormat, failing, render
from clarivum.cli.scratch_facts import scratch_facts
from clarivum.cli.terminal import wants_colour
from clarivum.clock import SYSTEM_CLOCK
from clarivum.errors import Exit

app = group()


@app.command()
def check(
    what: Annotated[
        list[str] | None, typer.Argument(metavar="[CHAPTER | CHAPTER/RULE]…", help="What to look at. [all rules]")
    ] = None,
    form: Annotated[FindingsFormat, typer.Option("--format", help="How findings are written.")] = FindingsFormat.TEXT,
    fail_on: Annotated[Level, typer.Option(help="The least bad level that ends with exit code 1.")] = Level.WARNING,
    application: Application = APPLICATION,
    postgres: Postgres = 18,
) -> None:
    """Hold the application against the guide's rules: exit code 0 without findings, 1 with.

    Rules about tables and queries look at a scratch database of its own, made for the occasion and thrown away;
    DATABASE_URL is not touched. What a rule looks for stands in docs/checks/; a finding that somebody answers for is
    waived in waivers.toml, with a date.
    """
    rules = choose(what or [])
    with scratch_facts(application, postgres) as facts:
        report = run(facts, rules, SYSTEM_CLOCK)
    sys.stdout.write(render(report, rules, form, colour=wants_colour()))
    sys.stdout.flush()
    if any(failing(report.findings, fail_on)):
        raise typer.Exit(Exit.FINDINGS)
