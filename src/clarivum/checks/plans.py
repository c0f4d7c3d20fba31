"""What planning each declared query came to: carried, a finding, or answered for by an index plan. No I/O of its own.

An index plan is a waiver of database/query-without-index in waivers.toml: what will carry the query, who makes it so,
and until when.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from clarivum.checks.facts import Facts
from clarivum.checks.rules.database.query_without_index import RULE
from clarivum.checks.waivers import Waiver
from clarivum.database import Query
from clarivum.database.planning import Verdict


class Outcome(StrEnum):
    """What is to be said of a query's plan."""

    CARRIED = "carried"
    """It reads what it needs: by an index, or from small tables, or nothing."""
    FINDING = "finding"
    INDEX_PLAN = "index plan"
    """It is weak, and somebody answers for that until a date."""
    NOT_PERMITTED = "not permitted"
    """No role asked about may run it."""
    INVALID = "invalid"
    """Postgres cannot prepare it."""


@dataclass(frozen=True, slots=True)
class QueryPlan:
    """One declared query and its plan. `refusal` is Postgres' reason when it is invalid."""

    query: Query
    file: str
    line: int
    team: str
    outcome: Outcome
    verdict: Verdict | None
    refusal: str
    index_plan: Waiver | None
    """The query's index plan, in force or expired; in force it stays shown where nothing is weak any more."""

    @property
    def indexes(self) -> tuple[str, ...]:
        """The indexes that the plan shown uses, by name."""
        worst = self.verdict.worst if self.verdict else None
        return tuple(dict.fromkeys(node.index for node in worst.plan.walk() if node.index)) if worst else ()


def read_plans(facts: Facts, queries: Sequence[Query], role: str = "") -> tuple[QueryPlan, ...]:
    """Plan `queries` under `role`, or under the roles that each may run under, and judge each. Once per facts."""
    verdicts = facts.plan(queries, role)
    return tuple(_judged(facts, query, verdicts.get(query)) for query in queries)


def _judged(facts: Facts, query: Query, verdict: Verdict | None) -> QueryPlan:
    file, line = facts.place_of(query)
    named = [each for each in facts.waivers if each.rule == RULE.id and each.subject == query.name]
    index_plan = max(named, key=lambda each: each.expires, default=None)
    if verdict is None:
        outcome = Outcome.INVALID
    elif verdict.worst is None:
        outcome = Outcome.NOT_PERMITTED
    elif not verdict.worst.weaknesses:
        outcome = Outcome.CARRIED
    elif index_plan is not None and not index_plan.is_expired(facts.today):
        outcome = Outcome.INDEX_PLAN
    else:
        outcome = Outcome.FINDING
    refusal = facts.descriptions[query].refusal if verdict is None else ""
    return QueryPlan(query, file, line, facts.team_of(file), outcome, verdict, refusal, index_plan)
