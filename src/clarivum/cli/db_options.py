"""Options that the `db` commands share, and the database they mean."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.place import ROOT, admin_url
from clarivum.cli.terminal import Format
from clarivum.errors import UsageError
from clarivum.owners import parse_owners, unknown_owner
from clarivum.settings import Settings


def from_here(path: Path) -> Path:
    """Relative to the working directory where it lies in it: shorter to read in messages."""
    absolute = path.absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else path


Workdir = Annotated[
    Path,
    typer.Option(callback=from_here, help="The folder that holds supabase/. [the repository]", show_default=False),
]
Data = Annotated[Path | None, typer.Option(help="The folder that `up` or `db serve` uses. [.clarivum]")]
Form = Annotated[Format, typer.Option("--format", help="How the answer is written.")]
Author = Annotated[str, typer.Option(metavar="TEAM", help="Whose migration it is: a team of owners.toml.")]
HERE = ROOT


def target(data: Path | None) -> str:
    """The login that may change the schema. Raises DependencyDownError when nothing is set and nothing runs."""
    return admin_url(Settings.load(os.environ), data)


def team(author: str, workdir: Path) -> str:
    """The author of a migration, empty when none is given. Raises UsageError for one that is no team of owners.toml."""
    owners = workdir / "owners.toml"
    if author and owners.is_file():
        known = parse_owners(owners.read_text(encoding="utf-8"))
        if author not in known:
            raise UsageError(unknown_owner(author, known, "--author"))
    return author


def shown(path: Path) -> str:
    """A path as short as it can be said from here."""
    return str(from_here(path))
