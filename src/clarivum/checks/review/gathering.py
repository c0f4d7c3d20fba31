"""Read one side: load the application below a root, apply its migrations to a scratch database, plan queries there.

Base and head are read by the same, newest platform, so what differs is the application. An application that does not
load (an older one may not) leaves its queries, read as text, and its migrations.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import fields
from datetime import date
from enum import Enum
from pathlib import Path
from typing import Any

from pglast import parse_sql
from pglast.parser import ParseError

from clarivum.api.openapi.document import openapi_document
from clarivum.application import Application
from clarivum.checks.access.page import DOCUMENT as ACCESS
from clarivum.checks.facts import ALL_ROLES, Facts
from clarivum.checks.review.side import (
    DeclaredJob,
    DeclaredQuery,
    DeclaredRoute,
    PlannedQuery,
    Plans,
    QueryKey,
    Side,
    WaivedFinding,
    Wanted,
)
from clarivum.checks.review.source_names import metrics, spans, variables
from clarivum.checks.sources import shown
from clarivum.checks.statements.naming import relations_within
from clarivum.database import Queries, Query
from clarivum.database.planning import Planner, Scratch, Verdict, tree
from clarivum.database.planning.definitions import read_definitions
from clarivum.database.queries import parse_queries
from clarivum.database.query_syntax import AnyRows
from clarivum.errors import ClarivumError, RefusedError
from clarivum.jobs import Job

APART = frozenset({"name", "payload", "handler", "key", "file", "line", "owner"})
"""Fields of a Job that are described by themselves or say where it stands."""


class Gathering:
    """Reads one side and holds its scratch server; close it. `root` holds supabase/ and the package of `target`."""

    def __init__(self, target: str, root: Path, *, today: date, postgres: int) -> None:
        self._root = root.resolve()
        self._facts = Facts(target, today=today, root=self._root)
        self._scratch = Scratch(self._root / "supabase" / "migrations", postgres)
        self._compiled: dict[QueryKey, DeclaredQuery] = {}

    def __enter__(self) -> "Gathering":
        return self

    def __exit__(self, *exc: object) -> None:
        self._scratch.close()

    def read(self) -> Side:
        """Everything but plans. Raises DependencyDownError when the scratch server does not start."""
        loaded = self._facts.loading.application
        queries = tuple(self._queries(loaded))
        self._compiled = {query.key: query for query in queries}
        unmigrated = self._migrate()
        return Side(
            unloaded=tuple(self._relative(f"{each.file}:{each.line}: {each.message}") for each in self._refusals()),
            unmigrated=unmigrated,
            definitions=() if unmigrated else read_definitions(self._scratch.admin_url),
            rows={} if unmigrated else {table.qualified: table.rows for table in self._scratch.read_catalog().tables},
            queries=queries,
            routes=tuple(self._routes(loaded)) if loaded else (),
            jobs=tuple(self._jobs(loaded)) if loaded else (),
            contract=openapi_document(loaded) if loaded else {},
            access=self._access(),
            spans=spans(self._facts.sources),
            metrics=metrics(self._facts.sources),
            variables=variables(self._facts.sources, self._root),
            waivers=tuple(self._waivers()),
            slices=dict(self._slices()),
        )

    def plan(self, wanted: Wanted) -> Plans:
        """Plan these queries, those that this side has. Nothing when the migrations did not apply."""
        queries = [self._compiled[key] for key, _ in wanted if key in self._compiled]
        elsewhere = dict(wanted)
        if not queries or not self._migrated:
            return []
        described = self._scratch.describe([query.sql for query in queries], self._scratch.read_catalog())
        plans: Plans = []
        with Planner(self._scratch.copy_for_planning()) as planner:
            for query, description in zip(queries, described, strict=True):
                if description.refusal:
                    plans.append((query.key, PlannedQuery(refused=description.refusal)))
                else:
                    roles = query.roles or elsewhere[query.key] or tuple(sorted(ALL_ROLES))
                    plans.append((query.key, _planned(planner.examine(query.sql, query.parameters, roles))))
        return plans

    _migrated = False

    def _migrate(self) -> str:
        try:
            self._scratch.prepare()
        except RefusedError as error:
            return self._relative(error.detail)
        self._migrated = True
        return ""

    def _refusals(self) -> Sequence[Any]:
        return self._facts.loading.refusals if self._facts.loading.application is None else ()

    def _relative(self, message: str) -> str:
        """A message without the folder that this side was read in."""
        return message.replace(f"{self._root}/", "").replace(str(self._root), ".")

    # -- declarations --------------------------------------------------------------------------------------------------
    def _queries(self, loaded: Application | None) -> Iterator[DeclaredQuery]:
        known = {each.file: each for each in self._texts()}
        if loaded is not None:
            roles = self._facts.usage.roles
            for query in loaded.queries:
                file, _ = self._facts.place_of(query)
                known.pop(file, None)
                yield self._query(query, file, tuple(sorted(roles.get(query, ALL_ROLES))))
        for file, queries in known.items():
            for query in queries:
                yield self._query(query, file, ())

    def _texts(self) -> Iterator[Queries]:
        """Every queries.sql of application and platform, without row classes; one that is refused is left out."""
        for folder in (self._facts.folder, self._root / "src"):
            for path in sorted(folder.rglob("queries.sql")):
                try:
                    yield parse_queries(path.read_text(encoding="utf-8"), shown(path, self._root), AnyRows("rows"))
                except (ClarivumError, UnicodeDecodeError):
                    continue

    def _query(self, query: Query, file: str, roles: tuple[str, ...]) -> DeclaredQuery:
        return DeclaredQuery(
            file=file,
            line=query.line,
            name=query.name,
            source=query.source,
            sql=query.sql,
            parameters=query.parameters,
            tables=_tables(query.sql),
            roles=roles,
            writes=query.writes,
            owner=self._facts.team_of(file),
        )

    def _routes(self, loaded: Application) -> Iterator[DeclaredRoute]:
        for feature in loaded.features:
            for route in feature.routes:
                file = shown(Path(route.file), self._root)
                yield DeclaredRoute(
                    route.method, route.path, route.name, str(route.access), str(route.rate), file, feature.owner
                )

    def _jobs(self, loaded: Application) -> Iterator[DeclaredJob]:
        for job in loaded.jobs.values():
            yield DeclaredJob(
                name=job.name,
                queue=job.queue,
                payload=job.payload.__name__,
                schema=job.payload.model_json_schema(),
                schema_version=job.payload.schema_version,
                key=job.key,
                settings=dict(_settings(job)),
                file=shown(Path(job.file), self._root),
                owner=job.owner or "",
            )

    def _slices(self) -> Iterator[tuple[str, str]]:
        for each in self._facts.features:
            yield shown(each.source.path.parent, self._root), self._facts.team_of(each.file)

    def _waivers(self) -> Iterator[WaivedFinding]:
        for each in self._facts.waivers:
            yield WaivedFinding(each.rule, each.subject, each.reason, each.owner, each.expires)

    def _access(self) -> dict[str, Any]:
        """The committed matrix; none where it cannot be read, which is for `check auth` to say."""
        try:
            found = json.loads((self._root / ACCESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def _tables(sql: str) -> tuple[str, ...]:
    try:
        return tuple(relations_within(parse_sql(sql)))
    except ParseError:
        return ()


def _settings(job: Job[Any]) -> Iterator[tuple[str, str]]:
    """What is declared beside name, payload and key, in words that do not depend on where the process runs."""
    for each in fields(job):
        value = getattr(job, each.name)
        if each.name not in APART and value is not None:
            if hasattr(value, "expression"):
                yield each.name, f"{value.expression} ({value.timezone}, missed: {value.missed})"
            elif isinstance(value, str | int | float | Enum | tuple):
                yield each.name, f"{value:g}" if isinstance(value, float) else str(value)
    yield "visibility_s", str(job.visibility_s)


def _planned(verdict: Verdict) -> PlannedQuery:
    worst = verdict.worst
    if worst is None:
        reasons = dict.fromkeys(verdict.refused.values())
        roles = ", ".join(sorted(verdict.refused))
        return PlannedQuery(refused=f"{'; '.join(reasons)} (as {roles})")
    return PlannedQuery(
        role=worst.role,
        assumes=worst.variant.assumes,
        read=worst.reading.read,
        returned=worst.reading.returned,
        weaknesses=tuple(map(str, worst.weaknesses)),
        tree=tuple(tree(worst.plan)),
        indexes=tuple(index.ddl() for index in verdict.indexes) if verdict.mended else (),
        mended_read=verdict.mended.reading.read if verdict.mended else 0.0,
    )
