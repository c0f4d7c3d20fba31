"""`jobs relay` and `jobs queues`: what SQS needs besides a worker."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer

from clarivum import telemetry
from clarivum.application import load_application
from clarivum.cli.jobs_connection import queue_failure
from clarivum.cli.options import APPLICATION, Application, Data
from clarivum.cli.place import database_url
from clarivum.database import Database
from clarivum.errors import ConfigurationError
from clarivum.jobs.transports.choice import transport_for
from clarivum.jobs.transports.interface import QueueError
from clarivum.settings import JobsTransport, Settings

if TYPE_CHECKING:
    from clarivum.jobs.transports.sqs.transport import SqsTransport

T = TypeVar("T")


def relay(
    *,
    once: Annotated[bool, typer.Option("--once", help="Send what is due, then end.")] = False,
    application: Application = APPLICATION,
    data: Data = None,
) -> None:
    """Do what SQS needs beside the functions, until SIGTERM or Ctrl-C. Every worker on SQS does this too.

    Jobs are sent from the outbox, what SQS gave up is fetched back, queues are measured, what is past its time is
    forgotten.
    """
    settings = _on_sqs()
    jobs = list(load_application(application).jobs.values())
    telemetry.configure(settings, role="worker")

    async def run() -> int | None:
        from clarivum.jobs.transports.sqs.relay import Relay  # noqa: PLC0415 - only where SQS is used
        from clarivum.jobs.worker.housekeeping import Housekeeping  # noqa: PLC0415

        url = database_url(settings, data)
        async with Database(url, pipelines=1, connections=3, application_name="clarivum relay") as database:
            transport = _transport(settings, database)
            try:
                if once:
                    return await Relay(transport, database, jobs).drain()
                housekeeping = Housekeeping(jobs, database, transport)
                await _until_stopped(*transport.side_tasks(jobs), housekeeping.run())
            finally:
                await transport.close()
        return None

    try:
        sent = _queue_or_exit(run)
    finally:
        telemetry.shutdown()
    if sent is not None:
        typer.echo(f"  {sent} left the outbox")


def queues(
    *,
    create: Annotated[
        bool, typer.Option("--create", help="Create what is missing, with its dead-letter queue.")
    ] = False,
    application: Application = APPLICATION,
) -> None:
    """List the SQS queues of the jobs and whether they are there. In a deployment `jobs template` makes them."""
    settings = _on_sqs()
    jobs = list(load_application(application).jobs.values())

    async def run() -> tuple[list[str], list[str]]:
        from clarivum.jobs.transports.sqs.provision import ensure_queues  # noqa: PLC0415 - only where SQS is used

        transport = _transport(settings, None)
        try:
            created = await ensure_queues(transport.calls, jobs) if create else []
            return created, await transport.missing(jobs)
        finally:
            await transport.close()

    created, missing = _queue_or_exit(run)
    for job in jobs:
        name = f"{settings.sqs_queue_prefix}{job.queue}"
        state = "missing" if name in missing else "created" if name in created else "there"
        typer.echo(f"  {name:<50}{state}")
    if missing:
        raise ConfigurationError(f"{len(missing)} queues are missing; create them with `jobs template` or --create")


def _on_sqs() -> Settings:
    settings = Settings.load(os.environ)
    if settings.jobs_transport is not JobsTransport.SQS:
        raise ConfigurationError("CLARIVUM_JOBS_TRANSPORT is pgmq, whose queues are in the database; set it to sqs")
    return settings


def _transport(settings: Settings, database: Database | None) -> "SqsTransport":
    return cast("SqsTransport", transport_for(settings, database))


def _queue_or_exit(run: Callable[[], Awaitable[T]]) -> T:
    """Run it; a queue that does not answer ends the command with exit code 5, one that refuses with 3."""

    async def guarded() -> T:
        return await run()

    try:
        return asyncio.run(guarded())
    except QueueError as error:
        raise queue_failure(error) from None


async def _until_stopped(*work: Coroutine[Any, Any, None]) -> None:
    """Run all until SIGTERM or SIGINT; a message that is being sent then is sent again by the next relay."""
    task = asyncio.gather(*work)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with suppress(asyncio.CancelledError):
        await task
