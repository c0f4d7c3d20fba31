"""Addenda to be written: what migrations change, whose it is and what they lock. Pure but for `title_and_path`.

What the gate looks for (the migration, every object of another team) is in it from the beginning; what only people know
is asked for in parts to be filled in.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from clarivum.checks.gate.crossing import Crossing, Reading
from clarivum.checks.gate.decision import CONSEQUENCES, MAX_TITLE_CHARACTERS, heading, is_taken, new_path, part
from clarivum.checks.statements import Duration, Lock
from clarivum.owners import Owner

WHY = "why the change is needed, and why on tables of another team"
DECISION = "what changes for those who read, write or depend on these tables, and what else was considered"
NOBODY = "nobody known"


def new_addendum(number: int, title: str, readings: Sequence[Reading], owners: Mapping[str, Owner], today: date) -> str:
    """A decision of its own that is an addendum."""
    return f"{heading(number, title, today)}\n{_body(readings, owners)}"


def further_addendum(readings: Sequence[Reading], owners: Mapping[str, Owner], today: date) -> str:
    """The part to be put at the end of a decision that is there."""
    title = f"## {title_of(readings)}\n\nStatus: proposed\n\nDate: {today.isoformat()}\n"
    return f"\n{title}\n{_body(readings, owners).replace(chr(10) + '## ', chr(10) + '### ')}"


def title_of(readings: Sequence[Reading]) -> str:
    """`Addendum: profile note`, after the names of the migrations, or their versions where names are too long."""
    names = [reading.migration.name.replace("_", " ").replace("-", " ") for reading in readings]
    title = _titled(names)
    return title if len(title) <= MAX_TITLE_CHARACTERS else _titled([each.migration.version for each in readings])


def title_and_path(root: Path, readings: Sequence[Reading]) -> tuple[str, int, Path]:
    """Title, number and file of an addendum of its own; the version tells it from one of the same title."""
    title = title_of(readings)
    if is_taken(root, title):
        title = f"Addendum: {readings[0].migration.version}"
    return title, *new_path(root, title)


def _titled(names: Sequence[str]) -> str:
    further = f" and {len(names) - 2} more" if len(names) > 2 else ""
    return f"Addendum: {' and '.join(names[:2])}{further}"


def _body(readings: Sequence[Reading], owners: Mapping[str, Owner]) -> str:
    described = "\n".join(_migration(reading, owners) for reading in readings)
    teams = sorted({each.owner for reading in readings for each in reading.crossings})
    asked = ", ".join(teams) or "the owners"
    agreement = part("Agreed with", f"who of {asked} agreed, when, and where that can be read")
    parts = part("Context", WHY) + part("Decision", DECISION) + part("Consequences", CONSEQUENCES)
    return described + parts + agreement


def _migration(reading: Reading, owners: Mapping[str, Owner]) -> str:
    by = f"by {_asked(reading.author, owners)}" if reading.author else "which names no author"
    lines = [f"Migration `{reading.migration}` ({reading.migration.path.name}), {by}.", ""]
    touched = reading.crossings or reading.touched
    if touched:
        lines += ["| object | owner | what is done to it | line |", "|---|---|---|---|"]
        lines += [_object(each, owners) for each in touched]
        if not reading.crossings:
            lines += ["", "It touches no other team's objects: the gate asks for no addendum."]
    else:
        lines.append("It touches nothing that stood before it: the gate asks for no addendum.")
    locks = list(_locks(reading, {each.object for each in touched}))
    if locks:
        lines += ["", "| line | locks | mode | stops | for |", "|---|---|---|---|---|", *locks]
        ends = "the file's transaction" if reading.migration.transactional else "its statement, outside a transaction,"
        lines += ["", f"A lock is held until {ends} ends."]
    return "\n".join([*lines, ""])


def _object(each: Crossing, owners: Mapping[str, Owner]) -> str:
    owner = _asked(each.owner, owners) if each.owner else NOBODY
    changes = ", ".join(f"`{_cell(change)}`" for change in each.changes or each.acts)
    return f"| `{_cell(each.object)}` | {_cell(owner)} | {changes} | {each.line} |"


def _locks(reading: Reading, objects: set[str]) -> Iterator[str]:
    for locking in reading.lockings:
        for lock in locking.locks:
            if lock.table in objects:
                cells = (f"`{_cell(lock.table)}`", str(lock.mode), lock.mode.stops, _time(lock))
                yield f"| {locking.statement.line} | {' | '.join(cells)} |"


def _time(lock: Lock) -> str:
    gentler = f"; gentler: {_cell(lock.advice)}" if lock.advice and lock.duration > Duration.INSTANT else ""
    return f"{lock.duration}{gentler}"


def _asked(team: str, owners: Mapping[str, Owner]) -> str:
    owner = owners.get(team)
    return f"{team} ({owner.person}, {owner.channel})" if owner else team


def _cell(text: str) -> str:
    """A text that ends no table cell, no line and no code span."""
    return " ".join(text.split()).replace("|", "\\|").replace("`", "'")
