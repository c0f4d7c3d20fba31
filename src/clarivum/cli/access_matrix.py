"""`access matrix`: try every role on every table and route, and show, compare or write what was found."""

import os
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from clarivum.checks import Facts
from clarivum.checks.access import DOCUMENT, PAGE, AccessMatrix, matrix_document, write_matrix
from clarivum.checks.access.matrix import cell_phrase
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.progress import Progress
from clarivum.cli.terminal import BOLD, DIM, Format, Paint, painter, wants_colour
from clarivum.database.trial import NO_GRANT, VERBS
from clarivum.errors import ConfigurationError


def matrix(
    write: Annotated[bool, typer.Option("--write", help=f"Write {PAGE} and {DOCUMENT}.")] = False,
    form: Annotated[Format, typer.Option("--format", help="How the answer is written.")] = Format.TEXT,
    application: Application = APPLICATION,
    postgres: Postgres = 18,
) -> None:
    """Find out who may do what by trying it: every role on every table and verb, and on every route.

    Tables are tried in a transaction that is rolled back, routes by requests with real tokens, both on a scratch
    database; DATABASE_URL is not touched. Rows are made up from each table's own constraints, or taken from
    supabase/samples.sql. `check auth` compares what is found with the page.
    """
    today = datetime.now(UTC).date()
    with (
        Progress() as progress,
        Facts(application, today=today, progress=progress, postgres=postgres, environ=os.environ) as facts,
    ):
        found = _tried(facts)
        written = write_matrix(facts.root, found, facts.catalog, facts.places) if write else ()
    for name in written:
        typer.echo(f"  wrote {name}", err=True)
    if form is Format.JSON:
        sys.stdout.write(matrix_document(found))
    elif not write:
        sys.stdout.write("\n".join(_lines(found, painter(wants_colour()))) + "\n")
    sys.stdout.flush()


def _tried(facts: Facts) -> AccessMatrix:
    """Raises ConfigurationError when the application does not load or its migrations are refused."""
    problems = [*facts.loading.refusals, *([facts.migration_refusal] if facts.migration_refusal else [])]
    found = None if problems else facts.access
    if found is None:
        first = problems[0]
        raise ConfigurationError(f"{first.file}:{first.line}: {first.message}; ./clarivum check names all of it")
    return found


def _lines(found: AccessMatrix, paint: Paint) -> Iterator[str]:
    """What each caller has, table by table; who has nothing is left out."""
    wide = max(len(name) for name, _ in found.personas)
    for trial in found.tables:
        yield paint(BOLD, trial.table) + (f"   untried: {trial.untried}" if trial.untried else "")
        for (persona, role), cells in trial.cells.items():
            for verb in VERBS:
                if cells[verb].by != (NO_GRANT,):
                    yield f"  {persona:<{wide}}  {verb:<8}  {cell_phrase(cells[verb])}  {paint(DIM, f'as {role}')}"
    for route in found.routes:
        yield paint(BOLD, route.route) + ("   with a second factor" if route.demands_mfa else "")
        yield "  " + ", ".join(f"{persona} {paint(DIM, cell.outcome)}" for persona, cell in route.cells.items())
    tried = sum(len(by_verb) for trial in found.tables for by_verb in trial.cells.values())
    calls = sum(len(route.cells) for route in found.routes)
    untried = sum(1 for trial in found.tables if trial.untried)
    gaps = f"; {untried} tables untried" if untried else ""
    yield f"  {tried} cells of {len(found.tables)} tables, {calls} of {len(found.routes)} routes{gaps}"
