"""Plans of declared queries, as text and as JSON. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from clarivum.checks.plans import Outcome, QueryPlan
from clarivum.checks.rules.database.query_without_index import advice, message
from clarivum.cli.terminal import BOLD, DIM, GREEN, RED, YELLOW, Paint, painter
from clarivum.database.planning import Catalog, Planned, Table, Verdict
from clarivum.database.planning.assumptions import declared_rows
from clarivum.database.planning.drawing import WEAK, document, draw

COLOURS = {Outcome.CARRIED: GREEN, Outcome.INDEX_PLAN: YELLOW}
PLURALS = {Outcome.FINDING: "findings", Outcome.INDEX_PLAN: "with an index plan"}


def as_text(plans: Sequence[QueryPlan], catalog: Catalog, *, colour: bool) -> str:
    """Every plan as a tree with its verdict, then how many there are of each."""
    paint = painter(colour)
    blocks = ["\n".join(_block(each, catalog, paint)) for each in plans]
    counted = Counter(each.outcome for each in plans)
    counts = ", ".join(
        f"{counted[outcome]} {PLURALS.get(outcome, outcome.value) if counted[outcome] != 1 else _one(outcome)}"
        for outcome in Outcome
        if counted[outcome]
    )
    queries = "1 query" if len(plans) == 1 else f"{len(plans)} queries"
    return "\n\n".join([*blocks, f"  {queries}: {counts}\n" if plans else "  no query is declared\n"])


def as_document(plans: Sequence[QueryPlan], catalog: Catalog) -> dict[str, Any]:
    """`queries` in the order asked for, and the `tables` that their plans read, with where each row count is from."""
    read = {name for each in plans for name in _tables(each)}
    return {
        "queries": [_query(each) for each in plans],
        "tables": [
            {"table": table.qualified, "rows": table.rows, "declared": declared_rows(table.comment) is not None}
            for table in catalog.tables
            if table.qualified in read
        ],
    }


# -- text --------------------------------------------------------------------------------------------------------------
def _block(each: QueryPlan, catalog: Catalog, paint: Paint) -> Iterator[str]:
    yield f"  {paint(BOLD, each.query.name)}   {each.file}:{each.line}   {each.team}"
    verdict = each.verdict
    worst = verdict.worst if verdict else None
    if worst is not None:
        yield from _plan(each, worst, catalog, paint)
    if verdict is not None:
        for reason, roles in _refused(verdict).items():
            yield _line("refused", f"{', '.join(roles)}: {reason}", paint)
    yield _line("verdict", paint(COLOURS.get(each.outcome, RED), _verdict(each)), paint)
    if verdict is not None and worst is not None and worst.weaknesses:
        yield _line("fix", advice(verdict), paint)
    if each.index_plan is not None:
        plan = each.index_plan
        ends = "until" if each.outcome is Outcome.INDEX_PLAN else "written until"
        yield _line("plan", f"{plan.reason} ({plan.owner}, {ends} {plan.expires.isoformat()})", paint)


def _plan(each: QueryPlan, worst: Planned, catalog: Catalog, paint: Paint) -> Iterator[str]:
    roles = each.verdict.roles if each.verdict else ()
    others = f"; also planned as {', '.join(role for role in roles if role != worst.role)}" if len(roles) > 1 else ""
    assumed = f", {worst.variant.assumes}" if worst.variant.assumes else ""
    yield _line("role", f"{worst.role}{assumed}{others}", paint)
    named = ", ".join(f"${number} {name}" for number, name in enumerate(each.query.parameters, 1))
    if named:
        yield _line("given", named, paint)
    for line in draw(worst):
        yield f"      {paint(RED, line) if WEAK in line else line}"
    for name in _tables(each):
        table = catalog.table(name)
        if table is not None:
            yield _line("rows", f"{name} {table.rows:,} ({_source(table)})", paint)
    reading = worst.reading
    yield _line(
        "reads",
        f"about {reading.read:,.0f} rows to return {max(1.0, reading.returned):,.0f}: "
        f"{reading.read_per_row:,.1f} rows read per row returned",
        paint,
    )


def _refused(verdict: Verdict) -> dict[str, list[str]]:
    """The roles that may not run it, by the reason."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    for role, reason in verdict.refused.items():
        found[reason].append(role)
    return found


def _line(name: str, text: str, paint: Paint) -> str:
    return f"    {paint(DIM, f'{name:<8}')}" + text.replace("\n", "\n" + " " * 12)


def _verdict(each: QueryPlan) -> str:
    verdict = each.verdict
    if each.outcome is Outcome.CARRIED:
        return f"carried by {', '.join(each.indexes)}" if each.indexes else "carried: it needs no index"
    if each.outcome is Outcome.INVALID:
        return f"invalid: {each.refusal}"
    if verdict is None or verdict.worst is None:
        return "not permitted: no role that it was planned under may run it"
    if each.outcome is Outcome.INDEX_PLAN:
        return f"index plan; {message(verdict)}"
    expired = ", its index plan has expired" if each.index_plan else ""
    return f"finding{expired}: {message(verdict)}"


def _source(table: Table) -> str:
    if declared_rows(table.comment) is not None:
        return "declared in its comment"
    return f"its share of {table.partition_of}" if table.partition_of else "assumed; its comment says none"


def _one(outcome: Outcome) -> str:
    return "with an index plan" if outcome is Outcome.INDEX_PLAN else outcome.value


def _tables(each: QueryPlan) -> tuple[str, ...]:
    """The tables that the plan shown names, in its order."""
    worst = each.verdict.worst if each.verdict else None
    return tuple(dict.fromkeys(node.relation for node in worst.plan.walk() if node.table)) if worst else ()


# -- for machines ------------------------------------------------------------------------------------------------------
def _query(each: QueryPlan) -> dict[str, Any]:
    verdict = each.verdict
    worst = verdict.worst if verdict else None
    weak = verdict is not None and worst is not None and bool(worst.weaknesses)
    plan = each.index_plan
    return {
        "query": each.query.name,
        "file": each.file,
        "line": each.line,
        "team": each.team,
        "parameters": list(each.query.parameters),
        "outcome": each.outcome.value,
        "message": _verdict(each),
        "roles": list(verdict.roles) if verdict else [],
        "refused": dict(verdict.refused) if verdict else {},
        "indexes": list(each.indexes),
        "worst": document(worst) if worst else None,
        "proposed": [index.ddl() for index in verdict.indexes] if verdict else [],
        "with_proposed": document(verdict.mended) if verdict and verdict.mended else None,
        "advice": advice(verdict) if verdict and weak else "",
        "index_plan": {"reason": plan.reason, "owner": plan.owner, "expires": plan.expires.isoformat()}
        if plan
        else None,
    }
