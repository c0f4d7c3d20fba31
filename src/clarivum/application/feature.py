"""A feature: one vertical slice of the application, with everything it declares."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

from clarivum.api import Route
from clarivum.database import Queries
from clarivum.errors import DeclarationError
from clarivum.jobs import Job

T = TypeVar("T")
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True, slots=True, init=False)
class Feature:
    """A slice's declarations and the team that answers for them.

    `owner` is a team of owners.toml; routes, jobs and queries inherit it.
    """

    name: str
    owner: str
    routes: tuple[Route, ...]
    jobs: tuple[Job[Any], ...]
    queries: Queries | None

    def __init__(
        self,
        name: str,
        *,
        owner: str,
        routes: Iterable[Route] = (),
        jobs: Iterable[Job[Any]] = (),
        queries: Queries | None = None,
    ) -> None:
        if not NAME.fullmatch(name):
            raise DeclarationError(f"feature {name!r}: a name is lower-case letters, digits and _, at most 40")
        if not owner:
            raise DeclarationError(f"feature {name!r} has no owner: name a team of owners.toml")
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "owner", owner)
        object.__setattr__(self, "routes", tuple(_only(Route, routes, name, "a verb such as @get")))
        object.__setattr__(self, "jobs", tuple(job.owned_by(owner) for job in _only(Job, jobs, name, "@job")))
        object.__setattr__(self, "queries", queries)


def _only(kind: type[T], items: Iterable[object], feature: str, how: str) -> Iterable[T]:
    for item in items:
        if not isinstance(item, kind):
            shown = getattr(item, "__qualname__", type(item).__name__)
            raise DeclarationError(f"feature {feature!r}: {shown} is not a {kind.__name__}; declare it with {how}")
        yield item
