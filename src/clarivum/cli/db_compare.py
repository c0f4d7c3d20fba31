"""`db diff` and `db drift`: what differs between declared schema, migrations and a live database."""

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.db_options import (
    HERE,
    Author,
    Data,
    Form,
    Workdir,
    shown,
    target,
    team,
)
from clarivum.cli.options import Postgres
from clarivum.cli.terminal import Format
from clarivum.database.migrations.names import check_name, new_migration_path
from clarivum.database.schema import difference as schema_difference
from clarivum.database.schema.supabase_cli import SupabaseCli, find
from clarivum.errors import Exit
from clarivum.settings import mask

HEADER = """-- author: {author}
-- Made by `clarivum db diff` from supabase/schemas. Read what is dropped: a rename looks like a loss.
"""


def diff(
    *,
    file: Annotated[
        str | None, typer.Option("--file", "-f", metavar="NAME", help="Write it as a new migration of this name.")
    ] = None,
    author: Author = "",
    check: Annotated[bool, typer.Option("--check", help="Exit code 1 when there is a difference.")] = False,
    workdir: Workdir = HERE,
    postgres: Postgres = 18,
    form: Form = Format.TEXT,
) -> None:
    """Print the SQL that takes the migrations to what supabase/schemas declares: tables, policies, grants, functions.

    Made by the Supabase CLI's engine on scratch databases, and proven by applying it to a third. Needs the Supabase
    CLI, no Docker and no running database.
    """
    author = team(author, workdir)
    if file is not None:
        check_name(file)
    supabase, cli = workdir / "supabase", _cli(workdir)
    found = schema_difference.difference(supabase, cli, _progress, version=postgres)
    path = _written(found, supabase / "migrations", file, author) if found and file else None
    if form is Format.JSON:
        _print_json({"difference": found, "file": str(path) if path else None})
    elif path is not None:
        typer.echo(f"  wrote {shown(path)}")
    elif found:
        typer.echo(found)
    else:
        typer.echo("  no difference between supabase/schemas and the migrations", err=True)
    if found and check:
        raise typer.Exit(Exit.FINDINGS)


def drift(workdir: Workdir = HERE, data: Data = None, form: Form = Format.TEXT) -> None:
    """Compare a live database with the migrations; exit code 1 on any difference. Changes nothing.

    Prints the SQL that was, in effect, run past the migrations. Logins that no migration knows do not count, what they
    were granted does. Needs the Supabase CLI, no Docker.
    """
    url = target(data)
    found = schema_difference.drift(url, workdir / "supabase" / "migrations", _cli(workdir), _progress)
    history = {
        "pending": [str(migration) for migration in found.status.pending],
        "edited": [str(migration) for migration in found.status.edited],
        "late": [str(migration) for migration in found.status.late],
        "missing": [f"{row.version}_{row.name}" for row in found.status.missing],
    }
    if form is Format.JSON:
        _print_json({"database": mask(url), "drift": found.found, "difference": found.difference, **history})
    else:
        if found.difference:
            typer.echo(found.difference)
        for state, names in history.items():
            for name in names:
                typer.echo(f"  {state:<8} {name}", err=True)
        what = "differs from" if found.found else "is what"
        typer.echo(f"  {mask(url)} {what} the migrations{'' if found.found else ' make'}", err=True)
    if found.found:
        raise typer.Exit(Exit.FINDINGS)


def _cli(workdir: Path) -> SupabaseCli:
    return SupabaseCli(find(workdir, os.environ), os.environ)


def _written(found: str, folder: Path, name: str, author: str) -> Path:
    path = new_migration_path(folder, name, datetime.now(UTC))
    with path.open("x", encoding="utf-8") as file:
        file.write(f"{HEADER.format(author=author)}\n{found}\n")
    return path


def _progress(step: str) -> None:
    typer.echo(f"  … {step}", err=True)


def _print_json(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
