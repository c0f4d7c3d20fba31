"""Which changes of the access matrix let somebody do more. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Iterator

from clarivum.checks.access.matrix import ALLOWED, Change
from clarivum.database.trial import Reach

COLUMNS = "columns "
WIDTH = {reach.value: width for width, reach in enumerate((Reach.NONE, Reach.OWN, Reach.OTHERS, Reach.SOME, Reach.ALL))}


def widened(found: Iterable[Change]) -> Iterator[tuple[str, str, str, str, list[str]]]:
    """Resource, verb, what was, what is, and the callers for whom it became so alike. New cells are no widening."""
    groups: defaultdict[tuple[str, str, str, str], list[str]] = defaultdict(list)
    for each in found:
        if each.before and is_wider(each):
            groups[each.resource, each.verb, each.before, each.after].append(each.caller)
    for key, callers in groups.items():
        yield (*key, callers)


def is_wider(cell: Change) -> bool:
    """Whether more is allowed than was: more rows, more columns of them, or a call that was refused or no longer asks
    for a second factor."""
    if cell.verb == "call":
        refused = not cell.before.startswith(ALLOWED)
        return cell.after.startswith(ALLOWED) and (refused or len(cell.after) < len(cell.before))
    if _width(cell.after) > _width(cell.before) or _states(cell.after) > _states(cell.before):
        return True
    return _states(cell.after) > 0 and _more_columns(_columns(cell.before), _columns(cell.after))


def _more_columns(before: frozenset[str] | None, after: frozenset[str] | None) -> bool:
    return before is not None and (after is None or not after <= before)


def _columns(phrase: str) -> frozenset[str] | None:
    """The columns that the grant is for; None: all of them."""
    for part in phrase.partition(" – ")[0].split("; "):
        if part.startswith(COLUMNS):
            return frozenset(part.removeprefix(COLUMNS).split(", "))
    return None


def _width(phrase: str) -> int:
    return WIDTH.get(phrase.partition(" – ")[0].partition(";")[0], 0)


def _states(phrase: str) -> int:
    """The widest reach in any state of the rows."""
    states = phrase.partition(" – ")[0].split("; ")
    return max((WIDTH.get(state.partition(" when ")[0], 0) for state in states), default=0)
