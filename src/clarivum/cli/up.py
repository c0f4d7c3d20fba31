"""`up`: the whole backend on this machine, from an empty folder to a captured lead."""

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.asked_to_stop import asked_to_stop
from clarivum.cli.backend import Backend, Options
from clarivum.cli.group import group
from clarivum.cli.options import Postgres
from clarivum.cli.place import data_folder
from clarivum.cli.steps import Steps
from clarivum.errors import ConfigurationError
from clarivum.settings import Environment, Settings

app = group()


@app.command()
def up(
    port: Annotated[int | None, typer.Option(help="Port of the API; the stand-in takes the next one.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder for the database, keys and logs. [.clarivum]")] = None,
    reset: Annotated[bool, typer.Option("--reset", help="Begin with an empty database.")] = False,
    postgres: Postgres = 18,
    yes: Annotated[bool, typer.Option("--yes", help="With --reset: do not ask.")] = False,
) -> None:
    """Run the whole backend on this machine, until Ctrl-C.

    Starts the embedded Postgres (or uses DATABASE_URL), applies migrations and seed, then starts the identity
    stand-in (unless AUTH0_DOMAIN is set), the API, and a worker with the scheduler.
    """
    began = time.monotonic()
    settings = Settings.load(os.environ)
    if settings.environment is Environment.PRODUCTION:
        raise ConfigurationError("`up` is for development; in production run `serve` and `jobs work`")
    options = Options(
        port=settings.port if port is None else port,
        data=data_folder(data),
        reset=reset,
        confirmed=yes,
        postgres=postgres,
    )
    with asked_to_stop() as stop, ExitStack() as stack:
        backend = stack.enter_context(Backend(settings, options, Steps(), stack))
        backend.start()
        if not stop.is_set():
            backend.announce(time.monotonic() - began)
        while not stop.wait(0.25):
            backend.check()
        typer.echo("  stopping …", err=True)
