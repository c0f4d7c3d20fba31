"""ADR addenda: decisions that tell other teams what a migration does to their tables. Pure but for `read_addenda`.

An addendum is a file of docs/adr/, or the part of one from a heading with the word "addendum" on, that names the
migration (`20261104000000_lead_notes`) and every object of another team (`public.profiles`).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from clarivum.checks.gate.crossing import Crossing
from clarivum.database.migrations.files import Migration

FOLDER = Path("docs") / "adr"
HEADING = re.compile(r"^#+[^\n]*\baddendum\b", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Addendum:
    """One addendum: its file relative to the root, and its text from the heading on."""

    file: str
    text: str

    def concerns(self, migration: Migration) -> bool:
        return _names(self.text, str(migration))

    def missing(self, crossings: Iterable[Crossing]) -> tuple[Crossing, ...]:
        """The crossings whose object it does not name."""
        return tuple(each for each in crossings if not _names(self.text, each.object))


def read_addenda(root: Path) -> tuple[Addendum, ...]:
    """The addenda below a root, in the order of their files; none when there is no docs/adr."""
    found = []
    for path in sorted((root / FOLDER).glob("*.md")):
        text = path.read_text(encoding="utf-8", errors="replace")
        heading = HEADING.search(text)
        if heading is not None:
            found.append(Addendum(path.relative_to(root).as_posix(), text[heading.start() :]))
    return tuple(found)


def uncovered(
    migration: Migration, crossings: tuple[Crossing, ...], addenda: Iterable[Addendum]
) -> tuple[Crossing, ...]:
    """The crossings of a migration that no addendum which names the migration names as well."""
    left = crossings
    for addendum in addenda:
        if left and addendum.concerns(migration):
            left = addendum.missing(left)
    return left


def _names(text: str, name: str) -> bool:
    """Whether a text names something as a whole: `public.leads` is not named by `public.leads_archive`."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.(?!sql\b)\w)", text) is not None
