"""Plan declared queries in a throwaway database that looks as large as production.

Each query is explained under every role that may run it, with its policies, in each of its variants; the worst of these
is what is reported, with the index that mends it, if one does.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace

import psycopg
from psycopg import sql as pgsql

from clarivum.database.planning.catalog import Catalog
from clarivum.database.planning.catalog_reading import read_catalog
from clarivum.database.planning.explain import Node, indexes_used
from clarivum.database.planning.inflate import Inflation
from clarivum.database.planning.proposal import Proposal, proposals
from clarivum.database.planning.quoting import quoted
from clarivum.database.planning.reading import Reading, measure
from clarivum.database.planning.scanning import Estimator, explain
from clarivum.database.planning.statement import Variant, variants
from clarivum.database.planning.weakness import Weakness, weaknesses

CLAIMS = '{"sub": "auth0|planner", "role": "authenticated", "app_roles": ["member", "editor", "admin", "ops"]}'
"""Policies read them while the planner estimates; the caller they describe does not exist."""
MAX_INDEXES = 3


@dataclass(frozen=True, slots=True)
class Planned:
    """One query under one role in one variant."""

    role: str
    variant: Variant
    plan: Node
    reading: Reading
    weaknesses: tuple[Weakness, ...]

    @property
    def badness(self) -> tuple[int, float]:
        """Orders plans from the best to the worst."""
        return len(self.weaknesses), self.reading.read


@dataclass(frozen=True, slots=True)
class Verdict:
    """What planning a query showed.

    `worst` is None when no role could plan it; `refused` says of each such role why, in Postgres' words.
    """

    worst: Planned | None
    roles: tuple[str, ...]
    refused: Mapping[str, str]
    indexes: tuple[Proposal, ...] = ()
    """What mends the worst plan, and the other weak ones as far as an index does; empty when no index helps."""
    mended: Planned | None = None
    """The worst plan again, with `indexes`."""
    tried: int = 0
    uses: frozenset[tuple[str, str]] = frozenset()
    """Each index that the plan of some role and variant walks or asks: `schema.table` and the index's name."""


class Planner:
    """Plans queries in one database. `url` is a superuser's, in a database that nobody else uses and that has no rows.

    Use as a context manager; not thread-safe.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._tried = 0

    def __enter__(self) -> "Planner":
        with psycopg.connect(self._url, autocommit=True) as connection:
            self.catalog: Catalog = read_catalog(connection)
            self._inflation = Inflation(connection)
            self._inflation.inflate(connection, self.catalog)
        # Opened after the files have their size: an earlier session might remember the old one.
        self._connection = psycopg.connect(self._url, autocommit=True)
        self._connection.execute("set max_parallel_workers_per_gather = 0; set jit = off")
        self._builder = psycopg.connect(self._url, autocommit=True)
        self._estimator = Estimator(self._connection, self.catalog)
        self._tables = {table.qualified: table for table in self.catalog.tables}
        self._rows = {name: float(table.rows) for name, table in self._tables.items()}
        return self

    def __exit__(self, *exc: object) -> None:
        self._connection.close()
        self._builder.close()

    @property
    def server_version(self) -> int:
        """180004 for 18.4."""
        return self._connection.info.server_version

    def examine(self, sql: str, parameters: tuple[str, ...], roles: Sequence[str]) -> Verdict:
        """Plan a query (`$n` stands for `parameters[n - 1]`) under `roles` and look for an index where it is weak.

        Raises pglast's ParseError when it does not parse.
        """
        planned: list[Planned] = []
        refused: dict[str, str] = {}
        for role in roles:
            try:
                planned.extend([self._plan(role, variant) for variant in variants(sql, parameters)])
            except psycopg.Error as error:
                refused[role] = error.diag.message_primary or type(error).__name__
        planned.sort(key=lambda each: each.badness, reverse=True)
        worst = planned[0] if planned else None
        uses = frozenset(used for each in planned for used in indexes_used(each.plan))
        verdict = Verdict(worst, tuple(dict.fromkeys(each.role for each in planned)), refused, uses=uses)
        weak = [each for each in planned if each.weaknesses]
        return self._mend(verdict, weak) if weak else verdict

    def _mend(self, verdict: Verdict, weak: Sequence[Planned]) -> Verdict:
        """Add the best index for each weak plan, keeping those found, until none is weak or none helps."""
        chosen: list[Proposal] = []
        before = self._tried
        with ExitStack() as kept:
            for planned in weak:
                current = self._plan(planned.role, planned.variant)
                while current.weaknesses and len(chosen) < MAX_INDEXES:
                    best = self._best(current)
                    if best is None:
                        break
                    kept.enter_context(self._with(best, f"clarivum_kept_{len(chosen)}"))
                    chosen.append(best)
                    current = self._plan(planned.role, planned.variant)
            mended = self._plan(weak[0].role, weak[0].variant)
        tried = self._tried - before
        if mended.weaknesses:
            return replace(verdict, tried=tried)
        return replace(verdict, indexes=tuple(chosen), mended=mended, tried=tried)

    def _best(self, planned: Planned) -> Proposal | None:
        """The candidate that leaves the fewest weaknesses, then the fewest rows read; None when none leaves fewer."""
        best, least = None, (len(planned.weaknesses), 0.0)
        for weakness in planned.weaknesses:
            table = self._tables.get(weakness.scan.relation)
            used = self._estimator.index(weakness.scan)
            for found in proposals(weakness, table, used) if table else ():
                self._tried += 1
                proposal = self._on_all_partitions(found)
                try:
                    with self._with(proposal, "clarivum_tried"):
                        badness = self._plan(planned.role, planned.variant).badness
                except psycopg.Error:  # an expression that cannot be indexed
                    continue
                if badness < least:
                    best, least = proposal, badness
        return best

    def _on_all_partitions(self, proposal: Proposal) -> Proposal:
        """A partition's index as one of its partitioned table; any other as it is."""
        whole = self.catalog.partitioned(self._tables[f"{proposal.schema}.{proposal.table}"])
        return replace(proposal, schema=whole.schema, table=whole.name, partitioned=whole.kind == "p")

    @contextmanager
    def _with(self, proposal: Proposal, name: str) -> Iterator[None]:
        """Have a proposed index, called `name`, for a block. Raises psycopg.Error when it cannot be made."""
        held_by = self.catalog.files_of(self._tables[f"{proposal.schema}.{proposal.table}"])
        ddl = proposal.ddl(name, concurrently=False)
        with self._inflation.with_index(self._builder, held_by, ddl, quoted(proposal.schema, name)) as built:
            for oid, index in built:
                held = self.catalog.by_oid(oid)
                assert held is not None
                self._estimator.tell(held.qualified, proposal.as_index(index))
            yield

    def _plan(self, role: str, variant: Variant) -> Planned:
        with self._connection.transaction(force_rollback=True):
            self._connection.execute(pgsql.SQL("set local role {}").format(pgsql.Identifier(role)))
            self._connection.execute("select set_config('request.jwt.claims', %s, true)", [CLAIMS])
            plan = explain(self._connection, variant.sql)
        reading = measure(plan, self._estimator.looks_at)
        return Planned(role, variant, plan, reading, weaknesses(reading, self._rows))
