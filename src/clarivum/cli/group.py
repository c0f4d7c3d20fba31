"""How every group of commands is made, so that all of them speak alike."""

import typer


def group(**options: object) -> typer.Typer:
    """A Typer app: plain help, no completion options in it, errors left to `program.main`."""
    settings: dict[str, object] = {"add_completion": False, "rich_markup_mode": None, "pretty_exceptions_enable": False}
    return typer.Typer(**{**settings, **options})  # type: ignore[arg-type]
