"""The function that Lambda calls, and where it gets its application and settings from."""

import asyncio
import importlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol, cast

from clarivum import telemetry
from clarivum.errors import ConfigurationError
from clarivum.jobs.declaration import Job
from clarivum.jobs.lambda_handler.environment import Environment, new_loop
from clarivum.jobs.lambda_handler.event import read_event
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.transports.sqs.calls import SqsOptions
from clarivum.settings import Settings

LONGEST_S = 900.0
"""AWS's own limit of an invocation; counts where no context says otherwise."""
FLUSH_S, FLUSH_RESERVE_S = 2.0, 0.25


class HasJobs(Protocol):
    """What is needed of an application."""

    @property
    def jobs(self) -> Mapping[str, Job[Any]]: ...


class LambdaHandler:
    """Called by the Lambda runtime, again and again in one process, one invocation at a time.

    `settings` absent: those of the environment, read by `load` or the first invocation. `options`: how runs behave;
    absent, the defaults with the settings' concurrency.
    """

    def __init__(
        self,
        application: HasJobs | Iterable[Job[Any]],
        *,
        settings: Settings | None = None,
        options: WorkerOptions | None = None,
    ) -> None:
        jobs = getattr(application, "jobs", None)
        self._jobs: Iterable[Job[Any]] = cast("Iterable[Job[Any]]", application) if jobs is None else jobs.values()
        self._settings = settings
        self._options = options
        self._environment: Environment | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._one_at_a_time = threading.Lock()

    def load(self) -> "LambdaHandler":
        """Read the settings and switch telemetry on; nothing is connected. Raises ConfigurationError."""
        if self._environment is None:
            settings = self._settings or Settings.load(os.environ)
            if settings.database_url is None:
                raise ConfigurationError("DATABASE_URL is missing: a Lambda function has no database of its own")
            if settings.aws_region is None:
                raise ConfigurationError("AWS_REGION is missing: Lambda sets it, and so does whoever imitates it")
            telemetry.configure(settings, role="function")
            self._environment = Environment(
                self._jobs,
                settings.database_url.get_secret_value(),
                SqsOptions(settings.aws_region, settings.aws_endpoint_url, settings.sqs_queue_prefix),
                self._options or WorkerOptions(concurrency=settings.job_concurrency),
            )
        return self

    def __call__(self, event: object, context: Any = None) -> dict[str, list[dict[str, str]]]:
        """Run an SQS event's messages: `{"batchItemFailures": [{"itemIdentifier": …}]}` names those that come back.

        Raises EventError for any other event, ConfigurationError when a setting is off.
        """
        remaining_s = _clock_of(context)
        received = read_event(event)
        if not received:
            return {"batchItemFailures": []}
        with self._one_at_a_time:
            environment = self.load()._environment
            assert environment is not None
            if self._loop is None:
                self._loop = new_loop()
            try:
                failed = self._loop.run_until_complete(environment.invoke(received, remaining_s))
            finally:
                telemetry.flush(max(0.05, min(FLUSH_S, remaining_s() - FLUSH_RESERVE_S)))
        return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}

    def close(self) -> None:
        """Disconnect. Lambda never asks for it; tests do."""
        with self._one_at_a_time:
            if self._loop is not None and self._environment is not None:
                self._loop.run_until_complete(self._environment.close())
                self._loop.close()
            self._loop = self._environment = None


def lambda_handler(
    application: HasJobs | Iterable[Job[Any]],
    *,
    settings: Settings | None = None,
    options: WorkerOptions | None = None,
) -> LambdaHandler:
    """The handler of an application's jobs (of anything with `jobs`, or of jobs). See LambdaHandler."""
    return LambdaHandler(application, settings=settings, options=options)


def handler_of_settings() -> LambdaHandler:
    """The handler of the application that CLARIVUM_APPLICATION names, its settings read. Raises ConfigurationError."""
    settings = Settings.load(os.environ)
    return LambdaHandler(_named(settings.application), settings=settings).load()


def _named(target: str) -> HasJobs:
    """`module:attribute`; clarivum.application's own loader would be an import of an upper layer."""
    module_name, _, attribute = target.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module_name), attribute or "application")
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise
        raise ConfigurationError(f"CLARIVUM_APPLICATION: there is no module {module_name!r}") from None
    except AttributeError:
        raise ConfigurationError(f"CLARIVUM_APPLICATION: {module_name} has no {attribute or 'application'!r}") from None
    if not hasattr(found, "jobs"):
        raise ConfigurationError(f"CLARIVUM_APPLICATION: {target} is no application, it has no jobs")
    return cast("HasJobs", found)


def _clock_of(context: Any) -> Callable[[], float]:
    """Seconds until the deadline, as the context counts them; without one as many as Lambda gives at most."""
    ask = getattr(context, "get_remaining_time_in_millis", None)
    if ask is not None:
        return lambda: float(ask()) / 1_000
    until = time.monotonic() + LONGEST_S
    return lambda: until - time.monotonic()
