"""A query that reads far more than it returns at production size."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Ask, Rule
from clarivum.database.planning import Cause, Verdict


def look(facts: Facts) -> Iterator[Problem]:
    for query, verdict in facts.verdicts.items():
        if verdict.worst is not None and verdict.worst.weaknesses:
            file, line = facts.place_of(query)
            yield Problem(file, line, query.name, message(verdict), advice(verdict))


def message(verdict: Verdict) -> str:
    """What is weak in a weak plan, in one line."""
    worst = verdict.worst
    assert worst is not None
    weakness = max(worst.weaknesses, key=lambda each: each.read)
    returned = max(1.0, worst.reading.returned)
    doing = "sorts" if weakness.cause is Cause.SORT else "reads"
    under = f"as {worst.role}" + (f", {worst.variant.assumes}" if worst.variant.assumes else "")
    return f"{doing} about {max(weakness.read, 1):,.0f} rows to return {returned:,.0f} ({weakness}; {under})"


def advice(verdict: Verdict) -> str:
    """The indexes that mend it, with what planning again with them showed; else why none does."""
    if verdict.mended is not None:
        ddl = "\n".join(index.ddl() for index in verdict.indexes)
        them = "it" if len(verdict.indexes) == 1 else "them"
        return f"{ddl}   -- planned again with {them}: {max(1.0, verdict.mended.reading.read):,.0f} rows"
    tried = f"none of {verdict.tried} indexes tried carries it" if verdict.tried else "no index narrows this condition"
    return (
        f"{tried}: compare plain columns with =, < or > (under a policy only leakproof operators reach an index), "
        "return fewer rows, or name an index plan in waivers.toml"
    )


RULE = Rule(
    id="database/query-without-index",
    looks_for="A declared query whose plan, at the declared number of rows (ten million unless the table's comment "
    "says `rows: …`) and under the role and policies it runs with, scans a big table as a whole, fetches at least "
    "1,000 rows or index entries of which a filter or the rest of the index condition throws most away, or sorts ten "
    "times as many rows as a LIMIT returns.",
    why="On a laptop with an empty database every query is fast. Planned at production size, the missing index shows "
    "before the review instead of in an incident. The proposed index was made in the scratch database, and the "
    "query planned again with it.",
    fix="create the proposed index, or name an index plan with owner and expiry in waivers.toml",
    look=look,
    ask=Ask.DATA_CHAMPION,
)
