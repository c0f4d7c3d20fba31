"""The settings that jobs' handlers read: named by their declarations, asked for before a worker starts. Pure."""

from collections.abc import Iterable
from typing import Any

from pydantic import SecretStr

from clarivum.errors import ConfigurationError
from clarivum.jobs.declaration import Job
from clarivum.jobs.declaration_checks import FIELDS
from clarivum.settings import Environment, Settings


def refuse_missing(jobs: Iterable[Job[Any]], settings: Settings) -> None:
    """Raise ConfigurationError where production lacks a setting that one of the jobs declares and that has no default.

    Elsewhere there is a substitute: mail becomes files.
    """
    if settings.environment is not Environment.PRODUCTION:
        return
    for job in jobs:
        for variable in job.settings:
            if getattr(settings, FIELDS[variable]) is None:
                raise ConfigurationError(f"{variable} is missing: in production {job.name} cannot do without")


def is_secret(variable: str) -> bool:
    """Whether the setting's value must not be shown."""
    return SecretStr in getattr(Settings.model_fields[FIELDS[variable]].annotation, "__args__", ())


def default_of(variable: str) -> object:
    """What holds where the variable is not set; None: nothing does."""
    return Settings.model_fields[FIELDS[variable]].default
