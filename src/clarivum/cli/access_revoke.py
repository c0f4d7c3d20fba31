"""`access revoke`: end every session and token of a person, in every process, now."""

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from clarivum import telemetry
from clarivum.auth.revocation import Revocations
from clarivum.cli.place import database_url
from clarivum.database import Database
from clarivum.errors import UsageError
from clarivum.settings import Settings

MAX_SUBJECT_CHARACTERS = 255


def revoke(
    subject: Annotated[str, typer.Argument(metavar="SUBJECT", help="Whose, like 'auth0|alice'.")],
    data: Annotated[Path | None, typer.Option(help="The folder that `up` uses. [.clarivum]")] = None,
) -> None:
    """End every session and access token that was issued to somebody until now.

    All API processes hear of it at once. Whoever may still sign in at the identity provider gets new ones: to keep
    somebody out, block them there first.
    """
    if not 0 < len(subject) <= MAX_SUBJECT_CHARACTERS or not subject.isprintable():
        raise UsageError(f"a subject is 1 to {MAX_SUBJECT_CHARACTERS} printable characters, for example auth0|alice")
    settings = Settings.load(os.environ)
    telemetry.configure(settings.model_copy(update={"log_level": "error", "otlp_endpoint": None}), role="cli")
    url = database_url(settings, data)

    async def run() -> float:
        async with Database(url, pipelines=1, connections=2, application_name="clarivum access") as database:
            return await Revocations(database).revoke_subject(subject, "administrator")

    until = datetime.fromtimestamp(asyncio.run(run()), UTC)
    typer.echo(f"  ended what was issued to {subject} until {until:%Y-%m-%d %H:%M:%S} UTC")
