"""Queries: new, changed and gone, and those whose plan changes because a table does; planned before and after."""

import difflib
from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change, ChangedQuery, State
from clarivum.checks.review.markdown import Block, Cell, Code, Details, Listing, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.side import PlannedQuery, WaivedFinding
from clarivum.checks.review.wording import cell, counted

RULE = "database/query-without-index"


def describe(change: Change) -> Sequence[Block]:
    shown = [each for each in change.queries if each.state is not None or _replanned(each)]
    same = len(change.queries) - len(shown)
    blocks: list[Block] = []
    if shown:
        rows = tuple(_row(each, change) for each in shown)
        blocks.append(Table(("query", "change", "before", "after", "verdict"), rows))
        roles = "Planned at production size, under the role and in the variant where it is worst."
        blocks.append(Paragraph(roles))
    if same:
        read = "reads a changed table and is" if same == 1 else "read a changed table and are"
        blocks.append(Paragraph(f"{counted(same, 'query')} {read} planned as before."))
    return [*blocks, *(_opened(each) for each in shown if each.state is not State.REMOVED)]


def warn(change: Change) -> Iterator[Cell]:
    for each in change.queries:
        plan = each.plan_after
        if plan is not None and plan.refused:
            yield cell("query ", Code(each.query.name), " cannot run: ", plan.refused)
        elif plan is not None and plan.weaknesses and waived(each.query.name, change) is None:
            yield cell("query ", Code(each.query.name), f" has no index that carries it: {plan.weaknesses[0]}")


def waived(subject: str, change: Change) -> WaivedFinding | None:
    """The index plan of a query, while it holds."""
    for waiver in change.head.waivers:
        if waiver.rule == RULE and waiver.subject == subject and waiver.expires >= change.today:
            return waiver
    return None


def _row(each: ChangedQuery, change: Change) -> tuple[Cell, ...]:
    query = each.query
    named = cell(Code(query.name), f" {query.file}:{query.line}")
    return named, _state(each), _plan(each.plan_before), _plan(each.plan_after), _verdict(each, change)


def _state(each: ChangedQuery) -> str:
    if each.state is None:
        return "its tables changed"
    before, after = (each.before, each.after)
    if before and after and before.roles and after.roles and before.roles != after.roles:
        return f"changed, runs as {' and '.join(after.roles)} instead of {' and '.join(before.roles)}"
    return str(each.state)


def _plan(plan: PlannedQuery | None) -> str:
    if plan is None:
        return "–"
    if plan.refused:
        return "cannot be planned"
    each = plan.read / max(1.0, plan.returned)
    per_row = f" ({each:,.1f} a row)" if plan.returned > 1 else ""
    return f"reads {plan.read:,.0f}, returns {plan.returned:,.0f}{per_row}"


def _verdict(each: ChangedQuery, change: Change) -> Cell:
    plan = each.plan_after
    if plan is None:
        return "–"
    if plan.refused:
        return plan.refused
    under = f"as {plan.role}" + (f", {plan.assumes}" if plan.assumes else "")
    if not plan.weaknesses:
        return f"carried; {under}"
    waiver = waived(each.query.name, change)
    if waiver is not None:
        return f"index plan of {waiver.owner} until {waiver.expires.isoformat()}: {plan.weaknesses[0]}; {under}"
    mended = f"; with the index below it reads {plan.mended_read:,.0f}" if plan.indexes else "; no index carries it"
    return f"finding: {plan.weaknesses[0]}; {under}{mended}"


def _opened(each: ChangedQuery) -> Details:
    query = each.query
    blocks: list[Listing] = []
    if each.state is State.CHANGED and each.before and each.before.source != query.source:
        lines = difflib.unified_diff(each.before.source.splitlines(), query.source.splitlines(), lineterm="", n=50)
        blocks.append(Listing("diff", "\n".join(list(lines)[3:])))
    elif each.state is not None:
        blocks.append(Listing("sql", query.source))
    blocks += _plans(each.plan_before, each.plan_after)
    if each.plan_after is not None and each.plan_after.indexes:
        blocks.append(Listing("sql", "\n".join(each.plan_after.indexes)))
    return Details(cell(Code(query.name), " and its plan"), tuple(blocks))


def _plans(before: PlannedQuery | None, after: PlannedQuery | None) -> Iterator[Listing]:
    """The plan before and the plan after; one of them when they are the same."""
    same = before is not None and after is not None and (before.tree, before.role) == (after.tree, after.role)
    for plan, when in ((None if same else before, "before"), (after, "before and after" if same else "after")):
        if plan is not None and plan.tree:
            yield Listing("", "\n".join([f"plan {when}, as {plan.role}", *plan.tree]))


def _replanned(each: ChangedQuery) -> bool:
    """Whether an unchanged query is planned in another way; estimates that merely shift do not count."""
    before, after = each.plan_before, each.plan_after
    if before is None or after is None:
        return before is not after
    return (_steps(before), before.weaknesses, before.refused) != (_steps(after), after.weaknesses, after.refused)


def _steps(plan: PlannedQuery) -> tuple[str, ...]:
    """The plan's lines without the numbers of rows."""
    return tuple(line.partition("  (")[0] for line in plan.tree)


PART = Part("queries", "Queries and their plans", describe, warn)
