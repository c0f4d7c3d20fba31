"""`serve`: one API process, as production runs it."""

import os
from typing import Annotated

import typer

from clarivum.api.server import serve as serve_application
from clarivum.application import load_application
from clarivum.cli.group import group
from clarivum.cli.place import APPLICATION
from clarivum.settings import Settings

app = group()


@app.command()
def serve(
    application: Annotated[str, typer.Option(help="module:attribute of the application.")] = APPLICATION,
) -> None:
    """Run one API process on CLARIVUM_HOST and CLARIVUM_PORT, until SIGTERM.

    Stops before listening when a declaration is incomplete, a setting cannot be used, or the login of DATABASE_URL
    bypasses row-level security.
    """
    serve_application(load_application(application), Settings.load(os.environ))
