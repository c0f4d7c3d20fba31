"""What the commands of `jobs` share: the database, and jobs and runs as one types them."""

import asyncio
import difflib
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from clarivum.cli.place import database_url
from clarivum.database import Database
from clarivum.errors import UNAVAILABLE, ConfigurationError, DependencyDownError, UsageError
from clarivum.jobs import Job
from clarivum.jobs.transports.choice import transport_for
from clarivum.jobs.transports.interface import QueueError, Transport
from clarivum.settings import Settings

T = TypeVar("T")


def with_database(data: Path | None, act: Callable[[Database], Awaitable[T]]) -> T:
    """Run `act` on the database of the settings, or of the `up` that runs in `data`."""
    url = database_url(Settings.load(os.environ), data)

    async def run() -> T:
        async with Database(url, pipelines=1, connections=2, application_name="clarivum jobs") as database:
            return await act(database)

    return asyncio.run(run())


def with_queue(data: Path | None, act: Callable[[Database, Transport], Awaitable[T]]) -> T:
    """As with_database, with the queue of the settings too. Raises DependencyDownError when it does not answer."""
    settings = Settings.load(os.environ)

    async def run(database: Database) -> T:
        queue = transport_for(settings, database)
        try:
            return await act(database, queue)
        except QueueError as error:
            raise queue_failure(error) from None
        finally:
            await queue.close()

    return with_database(data, run)


def queue_failure(error: QueueError) -> DependencyDownError | ConfigurationError:
    """What a command says of a queue that did not do what it was asked: exit code 5 or 3."""
    reason = error.log or error.detail
    if error.code is UNAVAILABLE:
        return DependencyDownError(f"the job queue does not answer: {reason}")
    return ConfigurationError(reason)


def declared_job(jobs: Mapping[str, Job[Any]], name: str) -> Job[Any]:
    """The job of a name. Raises UsageError with the nearest one."""
    if name in jobs:
        return jobs[name]
    nearest = difflib.get_close_matches(name, jobs, n=1)
    raise UsageError(f"there is no job {name!r}" + (f"; did you mean {nearest[0]}?" if nearest else ""))


def run_id_from(text: str) -> UUID:
    """A run's id as typed. Raises UsageError."""
    try:
        return UUID(text)
    except ValueError:
        raise UsageError(f"{text!r} is not a run's id, which looks like 4b26c077-f3d7-8f8e-8965-cb7b5290a68f") from None
