"""The contract: routes that came, changed or went, and what of that breaks a caller."""

from collections.abc import Iterator, Sequence

from clarivum.checks.review.change import Change
from clarivum.checks.review.contract import ContractChange, contract_changes
from clarivum.checks.review.markdown import Block, Cell, Code, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.wording import cell, counted, names


def describe(change: Change) -> Sequence[Block]:
    reason = unknown(change)
    if reason:
        return [Paragraph(reason)]
    changes = _all(change)
    if not changes:
        return []
    breaking = sum(each.breaking for each in changes)
    head = f"{counted(breaking, 'breaking change')}." if breaking else "Nothing that breaks a caller."
    rows = tuple(_row(each, change) for each in sorted(changes, key=lambda each: not each.breaking))
    return [Paragraph(head), Table(("route", "where", "change", "breaking"), rows)]


def warn(change: Change) -> Iterator[Cell]:
    breaking = [] if unknown(change) else [each for each in _all(change) if each.breaking]
    if breaking:
        routes = list(dict.fromkeys(each.route for each in breaking))
        yield cell(f"{counted(len(breaking), 'change')} that break callers of ", names(routes))


def unknown(change: Change) -> Cell:
    """Why declarations of the two sides cannot be compared; empty when they can."""
    for side, name in ((change.head, "This change"), (change.base, "The older commit")):
        if side.unloaded:
            return cell(f"Not compared: {name.lower()} does not load. ", Code(side.unloaded[0]))
    return ""


def _all(change: Change) -> list[ContractChange]:
    return [*contract_changes(change.base.contract, change.head.contract), *_rates(change)]


def _rates(change: Change) -> Iterator[ContractChange]:
    """Rates are told apart: they stand in the document's prose only."""
    before = {route.title: route for route in change.base.routes}
    for route in change.head.routes:
        old = before.get(route.title)
        if old is not None and old.rate != route.rate:
            yield ContractChange(route.title, "rate", f"{old.rate} → {route.rate}", False)


def _row(each: ContractChange, change: Change) -> tuple[Cell, ...]:
    what = each.what
    if (each.where, each.what) == ("route", "new"):
        route = next((route for route in change.head.routes if route.title == each.route), None)
        what = f"new, for {route.access}, at most {route.rate}" if route else what
    return Code(each.route), each.where, what, "yes" if each.breaking else "no"


PART = Part("contract", "API contract", describe, warn)
