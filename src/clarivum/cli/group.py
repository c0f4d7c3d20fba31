"""How every group of commands is made, so that all of them speak alike."""

from typing import Any

import typer


def group(**options: Any) -> typer.Typer:
    """A Typer app: plain help, no completion options in it, errors left to `program.main`."""
    settings: dict[str, Any] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
    return typer.Typer(**{**settings, **options})
