"""`identity`: the development identity stand-in as a process of its own."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clarivum.auth.standin import serve
from clarivum.cli.place import data_folder
from clarivum.settings import Settings

app = typer.Typer()


@app.command()
def identity(
    port: Annotated[int, typer.Option(help="Loopback port to listen on.")] = 8001,
    data: Annotated[Path | None, typer.Option(help="Folder that holds the signing key. [.clarivum]")] = None,
) -> None:
    """Run the identity stand-in: JWKS, issuer metadata and tokens for development.

    Refuses to start in production or where AUTH0_DOMAIN is set.
    """
    serve(Settings.load(os.environ), data_folder(data), port)
