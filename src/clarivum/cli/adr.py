"""`adr new`: decision records and addenda, ready to be filled in."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clarivum.checks.gate import Reading, follow, read_addenda
from clarivum.checks.gate.choosing import chosen
from clarivum.checks.gate.decision import checked_title, existing, new_path, skeleton
from clarivum.checks.gate.skeleton import further_addendum, new_addendum, title_and_path
from clarivum.cli.db_options import HERE, shown
from clarivum.cli.group import group
from clarivum.database.migrations.files import discover
from clarivum.errors import ConfigurationError, UsageError
from clarivum.owners import Owner, parse_owners

app = group(no_args_is_help=True, help="Write decision records below docs/adr.")


@app.callback()
def _group() -> None:
    """So that `new` stays a command of its own."""


@app.command(short_help="Write the next decision record, or an addendum for migrations.")
def new(
    what: Annotated[
        str | None,
        typer.Argument(metavar="[TITLE | MIGRATION]", help="The decision's title; with --addendum a migration."),
    ] = None,
    *,
    addendum: Annotated[
        bool,
        typer.Option("--addendum", help="Describe MIGRATION; without one, every migration that the gate refuses."),
    ] = False,
    to: Annotated[
        str | None, typer.Option(metavar="NNNN", help="Put the addendum at the end of this decision.")
    ] = None,
    workdir: Annotated[
        Path, typer.Option(help="The folder that holds docs/ and supabase/. [the repository]", show_default=False)
    ] = HERE,
) -> None:
    """Write docs/adr/NNNN-title.md with status, date and parts to be filled in; nothing that is there is overwritten.

    With --addendum it names the migration, every object of another team that it touches, what it does to it and which
    locks it takes. The gate of `db push` and `check` accepts the addendum once no `<!-- fill: … -->` is left in it.
    """
    today = datetime.now(UTC).date()
    if not addendum:
        if to is not None:
            raise UsageError("--to says where an addendum goes; add --addendum")
        title = checked_title(what or "")
        number, path = new_path(workdir, title)
        _write(path, skeleton(number, title, today))
        return
    readings = _readings(workdir, what)
    owners = _owners(workdir)
    if to is not None:
        path = existing(workdir, to)
        with path.open("a", encoding="utf-8") as file:
            file.write(further_addendum(readings, owners, today))
        typer.echo(f"  added to {shown(path)}: fill in what is marked `<!-- fill: … -->`")
        return
    title, number, path = title_and_path(workdir, readings)
    _write(path, new_addendum(number, title, readings, owners, today))


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{shown(path)} is there already; run the command again for the next number") from None
    typer.echo(f"  wrote {shown(path)}: fill in what is marked `<!-- fill: … -->`")


def _readings(workdir: Path, name: str | None) -> tuple[Reading, ...]:
    readings = tuple(follow(discover(workdir / "supabase" / "migrations")))
    return chosen(readings, name, read_addenda(workdir))


def _owners(workdir: Path) -> dict[str, Owner]:
    """The teams of owners.toml; without the file addenda name teams only."""
    path = workdir / "owners.toml"
    if not path.exists():
        return {}
    try:
        return dict(parse_owners(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise ConfigurationError("owners.toml is not UTF-8") from None
