"""`db new`, `db push`, `db status`, `db reset`: migrations, in step with the Supabase CLI."""

import json
import os
import sys
import time
from datetime import UTC, datetime
from typing import Annotated

import typer

from clarivum.cli.db_options import HERE, Author, Data, Form, Workdir, shown, target, team
from clarivum.cli.push_progress import PushProgress
from clarivum.cli.push_refusals import refuse_pending, refuse_unapplied
from clarivum.cli.steps import Steps
from clarivum.cli.terminal import DIM, GREEN, RED, YELLOW, Format, painter, wants_colour
from clarivum.database.migrations import push as migrations
from clarivum.database.migrations.files import Migration
from clarivum.database.migrations.history import Status
from clarivum.database.migrations.names import new_migration_path
from clarivum.database.provision import provision
from clarivum.database.schema.application import reset_database
from clarivum.errors import ConfigurationError, Exit, RefusedError
from clarivum.settings import Environment, Settings, mask

TEMPLATE = "-- author: {author}\n-- What this changes, and why.\n"
STATES = {
    "applied": (GREEN, "✓"),
    "pending": (YELLOW, "·"),
    "edited": (RED, "✗"),
    "late": (RED, "✗"),
    "missing": (RED, "✗"),
}
MEANING = {
    "edited": "edited after it was applied",
    "late": "older than the newest applied one",
    "missing": "applied, but not in the folder",
}


def new(
    name: Annotated[str, typer.Argument(help="What it does: letters, digits, `_`, `-`, such as leads_add_phone.")],
    author: Author = "",
    workdir: Workdir = HERE,
) -> None:
    """Write an empty migration, versioned with the time (UTC), after every other."""
    author = team(author, workdir)
    folder = workdir / "supabase" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    path = new_migration_path(folder, name, datetime.now(UTC))
    with path.open("x", encoding="utf-8") as file:
        file.write(TEMPLATE.format(author=author))
    typer.echo(f"  wrote {shown(path)}")


def push(
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be applied, and apply nothing.")] = False,
    include_baseline: Annotated[
        bool,
        typer.Option("--include-baseline", help="First make the roles, helpers and queue engine that are missing."),
    ] = False,
    include_seed: Annotated[bool, typer.Option("--include-seed", help="Then run supabase/seed.sql.")] = False,
    workdir: Workdir = HERE,
    data: Data = None,
    form: Form = Format.TEXT,
) -> None:
    """Apply the pending migrations: each file with its history row in one transaction, one deployer at a time.

    Every file is read, judged and linted (squawk, and the rules of `check database` on the schema that it makes) before
    the first runs. Exit code 4 when a file is refused, with file,
    line, statement and what to do; 5 when the database does not answer or a lock is not granted.
    """
    url, folder = target(data), workdir / "supabase" / "migrations"
    began = time.monotonic()
    if include_baseline and not dry_run:
        provision(url)
    refuse_pending(url, folder, workdir)
    with PushProgress(sys.stderr if form is Format.JSON else sys.stdout) as progress:
        applied = migrations.push(url, folder, on_progress=progress, dry_run=dry_run)
    seeded = 0
    if include_seed and not dry_run:
        seeded = migrations.seed(url, workdir / "supabase" / "seed.sql")
    elapsed_s = time.monotonic() - began
    if form is Format.JSON:
        _print_json(
            {
                "database": mask(url),
                "dry_run": dry_run,
                "applied": [_named(migration) for migration in applied],
                "seed_statements": seeded,
                "elapsed_s": round(elapsed_s, 3),
            }
        )
        return
    if dry_run:
        for migration in applied:
            typer.echo(f"  · {migration}   {_count(len(migration.body), 'statement')}")
    done = f"{_count(len(applied), 'migration')} {'would be applied' if dry_run else 'applied'}"
    extra = f", {_count(seeded, 'statement')} of the seed run" if seeded else ""
    typer.echo(f"  {done}{extra} to {mask(url)} ({elapsed_s:.1f} s)")


def status(workdir: Workdir = HERE, data: Data = None, form: Form = Format.TEXT) -> None:
    """Compare the folder with the database's history: exit code 1 unless every file is applied and unchanged."""
    url = target(data)
    found = migrations.status(url, workdir / "supabase" / "migrations")
    rows = _rows(found)
    if form is Format.JSON:
        listed = [{"version": version, "name": name, "state": state} for version, name, state in rows]
        _print_json({"database": mask(url), "in_step": found.in_step, "migrations": listed})
    else:
        paint = painter(wants_colour())
        for version, name, state in rows:
            colour, mark = STATES[state]
            typer.echo(f"  {paint(colour, mark)} {version}  {name:<36} {paint(DIM, MEANING.get(state, state))}")
        counts = {state: sum(row[2] == state for row in rows) for state in STATES}
        told = ", ".join(f"{number} {state}" for state, number in counts.items() if number) or "no migrations"
        typer.echo(f"  {told} at {mask(url)}")
    if not found.in_step:
        raise typer.Exit(Exit.FINDINGS)


def reset(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    include_seed: Annotated[bool, typer.Option(help="Then run supabase/seed.sql, if there is one.")] = True,
    workdir: Workdir = HERE,
    data: Data = None,
) -> None:
    """Drop everything of the application and the platform in a database of this machine, and apply all migrations.

    Roles stay. Refused for a database elsewhere, in production, and for new migrations that `db push` would refuse.
    """
    settings = Settings.load(os.environ)
    url, folder, seed = target(data), workdir / "supabase" / "migrations", workdir / "supabase" / "seed.sql"
    if settings.environment is Environment.PRODUCTION:
        raise ConfigurationError("`db reset` is for development; CLARIVUM_ENVIRONMENT says production")
    _confirm(f"every row in {mask(url)}", yes=yes)
    refuse_unapplied(url, folder, workdir)
    steps = Steps()
    with steps.step("reset") as step:
        reset_database(url)
        step.detail = mask(url)
    with PushProgress(sys.stdout) as progress:
        applied = migrations.push(url, folder, on_progress=progress)
    if include_seed and seed.is_file():
        with steps.step("seed") as step:
            step.detail = f"{_count(migrations.seed(url, seed), 'statement')} of {shown(seed)}"
    typer.echo(f"  {_count(len(applied), 'migration')} applied to an empty database")


def _confirm(what: str, *, yes: bool) -> None:
    if yes:
        return
    if not os.isatty(0):
        raise RefusedError(f"this deletes {what}")
    typer.confirm(f"  Delete {what}?", abort=True)


def _rows(found: Status) -> list[tuple[str, str, str]]:
    """(version, name, state), oldest first."""
    wrong = {migration.version: "edited" for migration in found.edited}
    wrong |= {row.version: "missing" for row in found.missing}
    rows = [(row.version, row.name, wrong.get(row.version, "applied")) for row in found.applied]
    rows += [(migration.version, migration.name, "pending") for migration in found.pending]
    rows += [(migration.version, migration.name, "late") for migration in found.late]
    return sorted(rows)


def _named(migration: Migration) -> dict[str, str]:
    return {"version": migration.version, "name": migration.name}


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _print_json(document: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
