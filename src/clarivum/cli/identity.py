"""`identity`: the development identity stand-in as a process of its own."""

import os
from pathlib import Path
from typing import Annotated

import typer

from clarivum.auth.standin import serve
from clarivum.cli.group import group
from clarivum.cli.place import data_folder
from clarivum.settings import Settings

app = group()


@app.command()
def identity(
    data: Annotated[Path | None, typer.Option(help="Folder that holds the signing key. [.clarivum]")] = None,
) -> None:
    """Run the identity stand-in: JWKS, issuer metadata and tokens for development.

    Listens where CLARIVUM_IDENTITY_URL says (http://127.0.0.1:8001/). Refuses to start in
    production or where AUTH0_DOMAIN is set.
    """
    serve(Settings.load(os.environ), data_folder(data))
