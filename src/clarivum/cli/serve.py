"""`serve`: one API process, as production runs it."""

import functools
import os
from typing import Annotated

import typer

from clarivum.api.server import serve as serve_application
from clarivum.application import load_application
from clarivum.application.readiness import readiness
from clarivum.cli.group import group
from clarivum.cli.options import APPLICATION, Application
from clarivum.jobs import outbox
from clarivum.jobs.transports.choice import transport_for
from clarivum.settings import Settings

app = group()


@app.command()
def serve(
    application: Application = APPLICATION,
    workers: Annotated[int, typer.Option(help="Processes that share the port.", min=1, max=64)] = 1,
) -> None:
    """Run one API process on CLARIVUM_HOST and CLARIVUM_PORT, until SIGTERM.

    Stops before listening when a declaration is incomplete, a setting cannot be used, or the login of DATABASE_URL
    bypasses row-level security.
    """
    loaded = load_application(application)
    settings = Settings.load(os.environ)
    serve_application(
        loaded,
        settings,
        workers=workers,
        outbox=outbox(loaded.jobs.values(), transport_for(settings)),
        readiness=functools.partial(readiness, loaded, transport=settings.jobs_transport),
    )
