"""Which migrations an addendum is about: the one that is named, or all that the gate would refuse."""

import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path

from clarivum.checks.gate.addenda import Addendum, uncovered
from clarivum.checks.gate.crossing import Reading
from clarivum.errors import UsageError


def chosen(readings: Sequence[Reading], name: str | None, addenda: Sequence[Addendum]) -> tuple[Reading, ...]:
    """The migrations to be described. `name` is a version, a file's name with or without `.sql`, or a path.

    Raises UsageError for a name that no migration has, without a name when nothing waits for an addendum, and when what
    waits has one that is still to be filled in.
    """
    if name is not None:
        found = [named(readings, name)]
    else:
        found = [each for each in readings if uncovered(each.migration, each.crossings, addenda)]
        if not found:
            raise UsageError("no migration waits for an addendum: what touches another team's objects has one")
    begun = [unfinished(reading, addenda) for reading in found]
    if all(begun):
        raise UsageError(f"{begun[0]}: an addendum for {found[0].migration} is there already; fill it in")
    return tuple(reading for reading, place in zip(found, begun, strict=True) if not place)


def named(readings: Sequence[Reading], name: str) -> Reading:
    """The migration of this name. Raises UsageError with the nearest when there is none."""
    wanted = Path(name).name.removesuffix(".sql")
    for reading in readings:
        if wanted in {str(reading.migration), reading.migration.version, reading.migration.name}:
            return reading
    known = [str(reading.migration) for reading in readings]
    names = {reading.migration.name: str(reading.migration) for reading in readings}
    near = difflib.get_close_matches(wanted, [*known, *names], n=1)
    hint = f"; did you mean {names.get(near[0], near[0])}?" if near else ""
    raise UsageError(f"there is no migration {name!r}{hint}")


def unfinished(reading: Reading, addenda: Iterable[Addendum]) -> str:
    """`docs/adr/0007-….md:14` of an addendum that is there for a migration and waits to be filled in; else empty."""
    for addendum in addenda:
        line = addendum.unfilled_line(reading.migration)
        if line:
            return f"{addendum.file}:{line}"
    return ""
