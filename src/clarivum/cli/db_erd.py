"""`db erd`: write the diagram and the list of tables."""

import json
import sys
from typing import Annotated

import typer

from clarivum.checks.erd import COMMAND, PAGE, erd_page, erd_parts
from clarivum.cli.db_options import Form
from clarivum.cli.options import APPLICATION, Application, Postgres
from clarivum.cli.scratch_facts import require_usable, scratch_facts
from clarivum.cli.terminal import Format
from clarivum.errors import Exit


def erd(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit code 1 when the page would change.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Print the parts; write nothing.")] = False,
    application: Application = APPLICATION,
    postgres: Postgres = 18,
    form: Form = Format.TEXT,
) -> None:
    """Write the entity-relationship diagram and the table list into docs/architecture.md, between their marks.

    Made from a scratch database with all migrations: tables with columns, keys and references; owner, purpose, rows,
    policies in words; each index with the declared queries whose plan uses it. What stands outside the marks is kept;
    a part without marks is added at the end.
    """
    with scratch_facts(application, postgres) as facts:
        require_usable(facts)
        parts = erd_parts(facts)
        tables = len(facts.catalog.tables)
        path = facts.root / PAGE
    there = path.read_text(encoding="utf-8") if path.exists() else None
    wanted = erd_page(there, parts)
    writes = there != wanted and not check and not show
    if writes:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted, encoding="utf-8")
    if form is Format.JSON:
        document = {"page": PAGE.as_posix(), "changed": there != wanted, "written": writes, "parts": dict(parts)}
        sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    elif show:
        sys.stdout.write("\n\n".join(parts.values()) + "\n")
    else:
        what = "wrote" if writes else f"out of date, {COMMAND} writes it:" if there != wanted else "up to date:"
        typer.echo(f"  {what} {PAGE.as_posix()}   {tables} tables")
    if check and there != wanted:
        raise typer.Exit(Exit.FINDINGS)
