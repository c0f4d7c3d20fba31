"""Access: the cells of docs/access-matrix.json that are not what they were, side by side."""

from collections.abc import Iterator, Sequence

from clarivum.checks.access.matrix import changes
from clarivum.checks.access.widening import widened
from clarivum.checks.review.change import Change
from clarivum.checks.review.markdown import Block, Cell, Code, Paragraph, Table
from clarivum.checks.review.part import Part
from clarivum.checks.review.wording import counted


def describe(change: Change) -> Sequence[Block]:
    if change.head.access and not change.base.access:
        return [Paragraph("The older commit has no access matrix; docs/access-matrix.md says what holds from now on.")]
    rows = tuple(
        (Code(each.resource), each.caller, each.verb, each.before or "–", each.after or "–")
        for each in changes(change.base.access, change.head.access)
    )
    return [Table(("table or route", "caller", "verb", "before", "after"), rows)] if rows else []


def warn(change: Change) -> Iterator[Cell]:
    if change.base.access and change.head.access:
        for resource, verb, was, now, callers in widened(changes(change.base.access, change.head.access)):
            yield ("access becomes wider: ", Code(resource), f", {verb} by {', '.join(callers)}: {now}, was {was}")
    if change.base.access:
        known = {each.of for each in change.base.definitions} | {each.title for each in change.base.routes}
        found = [each for each in changes(change.base.access, change.head.access) if each.resource in known]
        if found:
            yield f"{counted(len(found), 'cell')} of the access matrix changed for tables and routes that stood before"


PART = Part("access", "Access matrix", describe, warn)
