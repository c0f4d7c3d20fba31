"""One side of a comparison: what an application is and declares, as data that goes from one process to another."""

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pydantic import TypeAdapter

from clarivum.database.planning.definitions import Definition

QueryKey = tuple[str, str]
"""File relative to the root, and name."""


@dataclass(frozen=True)
class DeclaredQuery:
    """A declared query. `roles` are empty where the application does not load, so that nobody knows who runs it."""

    file: str
    line: int
    name: str
    source: str
    sql: str
    parameters: tuple[str, ...]
    tables: tuple[str, ...]
    roles: tuple[str, ...]
    writes: bool
    owner: str

    @property
    def key(self) -> QueryKey:
        return self.file, self.name


@dataclass(frozen=True)
class DeclaredRoute:
    """A served route; `access` and `rate` as they are declared."""

    method: str
    path: str
    name: str
    access: str
    rate: str
    file: str
    owner: str

    @property
    def title(self) -> str:
        return f"{self.method} {self.path}"


@dataclass(frozen=True)
class DeclaredJob:
    """A registered job. `settings` are its other declarations as text, by name: timeout_s, attempts, schedule, …"""

    name: str
    queue: str
    payload: str
    schema: dict[str, Any]
    schema_version: int
    key: str
    settings: dict[str, str]
    file: str
    owner: str


@dataclass(frozen=True)
class WaivedFinding:
    """An entry of waivers.toml."""

    rule: str
    subject: str
    reason: str
    owner: str
    expires: date


@dataclass(frozen=True)
class Side:
    """What was found at one side."""

    unloaded: tuple[str, ...] = ()
    """Why the application does not load: then routes, jobs and contract are unknown. Empty when it does."""
    unmigrated: str = ""
    """Why the migrations do not apply: then definitions are unknown."""
    definitions: tuple[Definition, ...] = ()
    rows: dict[str, int] = field(default_factory=dict)
    """Rows that each table is planned for."""
    queries: tuple[DeclaredQuery, ...] = ()
    routes: tuple[DeclaredRoute, ...] = ()
    jobs: tuple[DeclaredJob, ...] = ()
    contract: dict[str, Any] = field(default_factory=dict)
    """The OpenAPI document."""
    access: dict[str, Any] = field(default_factory=dict)
    """docs/access-matrix.json as it is committed; empty where there is none."""
    spans: tuple[str, ...] = ()
    """Names of spans that the application's own code opens."""
    metrics: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    """Environment variables: those of docs/settings.md, and those that the application's own code reads."""
    waivers: tuple[WaivedFinding, ...] = ()
    slices: dict[str, str] = field(default_factory=dict)
    """Team by the folder of each feature."""


@dataclass(frozen=True)
class PlannedQuery:
    """How a query is planned at production size on one side, under the role and in the variant where it is worst."""

    role: str = ""
    assumes: str = ""
    read: float = 0.0
    returned: float = 0.0
    weaknesses: tuple[str, ...] = ()
    tree: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    """DDL of the indexes that mend it."""
    mended_read: float = 0.0
    refused: str = ""
    """Why it cannot be planned, in Postgres' words."""


Plans = list[tuple[QueryKey, PlannedQuery]]
SIDE: TypeAdapter[Side] = TypeAdapter(Side)
Wanted = list[tuple[QueryKey, tuple[str, ...]]]
"""Queries to be planned, each with the roles that the other side knows it to run under."""
WANTED: TypeAdapter[Wanted] = TypeAdapter(Wanted)
PLANS: TypeAdapter[Plans] = TypeAdapter(Plans)
