"""The application: its features put together, with what must be true of all of them at once."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clarivum.api import Route
from clarivum.application.feature import Feature
from clarivum.database import Query
from clarivum.errors import ConfigurationError, DeclarationError
from clarivum.jobs import Job
from clarivum.owners import Owner, parse_owners, unknown_owner


@dataclass(frozen=True)
class Application:
    """Features, and the folder that holds `owners.toml`, `supabase/` and `docs/`.

    Raises DeclarationError when two features claim one name, route or job, or an owner is not in owners.toml.
    """

    name: str
    root: Path
    features: tuple[Feature, ...]

    def __init__(self, name: str, *, root: Path, features: Iterable[Feature]) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "features", tuple(features))
        _refuse_twice("feature", (feature.name for feature in self.features))
        _refuse_twice("route", (f"{route.method} {route.path}" for route in self.routes))
        _refuse_twice("job", (job.name for job in self._each_job()))
        for feature in self.features:
            if feature.owner not in self.owners:
                raise DeclarationError(f"feature {feature.name!r}: {unknown_owner(feature.owner, self.owners)}")

    @cached_property
    def owners(self) -> Mapping[str, Owner]:
        """The teams of owners.toml. Raises ConfigurationError when the file is missing or incomplete."""
        path = self.root / "owners.toml"
        try:
            return parse_owners(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise ConfigurationError(f"owners.toml is missing beside {self.root.name}/") from None

    @property
    def migrations(self) -> Path:
        return self.root / "supabase" / "migrations"

    @property
    def seed(self) -> Path:
        return self.root / "supabase" / "seed.sql"

    @cached_property
    def routes(self) -> tuple[Route, ...]:
        return tuple(route for feature in self.features for route in feature.routes)

    @cached_property
    def jobs(self) -> dict[str, Job[Any]]:
        """Jobs by name."""
        return {job.name: job for job in self._each_job()}

    @cached_property
    def queries(self) -> tuple[Query, ...]:
        return tuple(query for feature in self.features if feature.queries for query in feature.queries)

    def _each_job(self) -> Iterator[Job[Any]]:
        return (job for feature in self.features for job in feature.jobs)


def load_application(target: str) -> Application:
    """Import `module:attribute` and return the Application it names.

    Raises ConfigurationError when there is no such thing; DeclarationError comes through from the declarations.
    """
    module_name, _, attribute = target.partition(":")
    try:
        found = getattr(importlib.import_module(module_name), attribute or "application")
    except ModuleNotFoundError as error:
        if error.name is None or not module_name.startswith(error.name):
            raise
        raise ConfigurationError(f"there is no module {module_name!r} to load the application from") from None
    except AttributeError:
        raise ConfigurationError(f"{module_name} has no {attribute or 'application'!r}") from None
    if not isinstance(found, Application):
        raise ConfigurationError(f"{target} is not an Application")
    return found


def _refuse_twice(kind: str, names: Iterable[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise DeclarationError(f"{kind} {name} is declared twice")
        seen.add(name)
