"""`db serve`: just the embedded database, for psql, the Supabase CLI or an IDE."""

import os
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.asked_to_stop import asked_to_stop
from clarivum.cli.db_options import Data, shown
from clarivum.cli.options import Postgres
from clarivum.cli.place import ROOT, Running, data_folder
from clarivum.cli.steps import Steps
from clarivum.database.provision import provision, provision_login
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.errors import ConfigurationError, DependencyDownError
from clarivum.settings import Environment, Settings

ALIVE_POLL_S = 0.25


def serve(
    port: Annotated[int | None, typer.Option(help="Loopback TCP port. [the last one, if it is free]", min=1)] = None,
    postgres: Postgres = 18,
    data: Data = None,
) -> None:
    """Run the embedded database with the baseline, on loopback, until Ctrl-C. Migrations are left to `db push`.

    Other commands find it while it runs, as they find the one of `up`.
    """
    if Settings.load(os.environ).environment is Environment.PRODUCTION:
        raise ConfigurationError("`db serve` is for development; in production DATABASE_URL names the database")
    folder = data_folder(data)
    server = EmbeddedServer(folder, postgres)
    with asked_to_stop() as stop, ExitStack() as stack:
        with Steps().step(f"Postgres {postgres}") as step:
            stack.callback(server.stop)
            server.start(port)
            provision(server.admin_url())
            app_url = provision_login(server.admin_url(), server.app_password)
            step.detail = f"{shown(server.cluster)}, port {server.port}"
        stack.callback(Running.remove, folder)
        Running(os.getpid(), "", None, app_url, server.admin_url()).write(folder)
        _announce(server, folder)
        while not stop.wait(ALIVE_POLL_S):
            if not server.running:
                raise DependencyDownError(f"Postgres ended by itself; its log is {shown(server.log)}")
        typer.echo("  stopping …", err=True)


def _announce(server: EmbeddedServer, folder: Path) -> None:
    data = "" if folder == ROOT / ".clarivum" else f" --data {folder}"
    typer.echo(f"""
    psql '{server.admin_url(tcp=True)}?sslmode=disable'
    the application's login: {server.app_url(tcp=True)}?sslmode=disable
    ./clarivum db push{data}

  Ctrl-C stops it.""")
