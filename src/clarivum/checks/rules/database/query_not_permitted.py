"""A query that no role it runs under may run."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.rule import Rule


def look(facts: Facts) -> Iterator[Problem]:
    for query, verdict in facts.verdicts.items():
        used = facts.usage.roles.get(query)
        file, line = facts.place_of(query)
        if used is None:  # the platform's own: each of them is for one role
            if verdict.worst is None and verdict.refused:
                reasons = ", ".join(dict.fromkeys(verdict.refused.values()))
                fix = "grant what it needs to the role that runs it"
                yield Problem(file, line, query.name, f"no role may run it: {reasons}", fix)
            continue
        for role, reason in verdict.refused.items():
            if "permission denied" in reason and (verdict.worst is None or _is_reached(facts, query)):
                message = f"it runs as {role}, which may not: {reason}"
                yield Problem(
                    file, line, query.name, message, f"grant what it needs to {role}, or run it under another role"
                )


def _is_reached(facts: Facts, query: object) -> bool:
    """Whether some route or job was seen to run it, so that its roles are known and not only possible."""
    return any(use.query is query for use in facts.usage.uses)


RULE = Rule(
    id="database/query-not-permitted",
    looks_for="A query that a route or job runs under a database role which lacks the privileges for it. The role "
    "follows from the route's access; jobs and `as_worker()` run as clarivum_worker.",
    why="It answers 403 to everybody, whatever their roles in the token: grants come before policies.",
    fix="grant the verb on the table to the role, with a policy that says which rows",
    look=look,
)
