"""Options that several groups of commands share, each spelled out once."""

from pathlib import Path
from typing import Annotated

import typer

APPLICATION = "bff.app:application"
BUNDLED = frozenset({16, 18})


def bundled(version: int) -> int:
    """A version of the embedded Postgres. Raises BadParameter (exit 2) for another."""
    if version not in BUNDLED:
        raise typer.BadParameter("the embedded Postgres comes as 16 or 18", param_hint="--postgres")
    return version


Application = Annotated[
    str,
    typer.Option("--application", envvar="CLARIVUM_APPLICATION", help="module:attribute of the application."),
]
Data = Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")]
Postgres = Annotated[int, typer.Option(callback=bundled, help="Version of the embedded Postgres: 16 or 18.")]
