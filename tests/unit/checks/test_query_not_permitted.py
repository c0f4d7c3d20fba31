"""A query of the platform that no role may run; those of applications are in tests/integration/checks."""

from types import MappingProxyType, SimpleNamespace
from typing import Any

from clarivum.api.statements import queries
from clarivum.checks.rules.database.query_not_permitted import RULE
from clarivum.database.planning import Planned, Verdict
from clarivum.database.planning.explain import read_plan
from clarivum.database.planning.reading import measure
from clarivum.database.planning.statement import Variant

DENIED = MappingProxyType(dict.fromkeys(("anon", "clarivum_worker"), "permission denied for table answers"))


def facts(verdict: Verdict) -> Any:
    """As much of the facts as the rule asks for: one query that no route or job of the application runs."""
    usage = SimpleNamespace(roles={}, uses=())
    query = next(iter(queries))
    return SimpleNamespace(verdicts={query: verdict}, usage=usage, place_of=lambda _: ("queries.sql", 3))


def test_a_query_of_the_platform_that_no_role_may_run_is_found() -> None:
    (problem,) = RULE.look(facts(Verdict(None, (), DENIED)))
    assert (problem.file, problem.line) == ("queries.sql", 3)
    assert problem.message == "no role may run it: permission denied for table answers"


def test_one_that_some_role_may_run_is_not() -> None:
    plan = read_plan([{"Plan": {"Node Type": "Result", "Plan Rows": 1}}])
    planned = Planned("clarivum_staff", Variant("", ""), plan, measure(plan, lambda node: (0.0, 0.0)), ())
    assert list(RULE.look(facts(Verdict(planned, ("clarivum_staff",), DENIED)))) == []
