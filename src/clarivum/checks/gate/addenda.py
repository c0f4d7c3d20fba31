"""ADR addenda: decisions that tell other teams what a migration does to their tables. Pure but for `read_addenda`.

An addendum is a file of docs/adr/, or the part of one from a heading with the word "addendum" on, that names the
migration (`20261104000000_lead_notes`) and every object of another team (`public.profiles`). One that still has a part
to be filled in (`<!-- fill: … -->`, as `adr new --addendum` writes it) does not count yet.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from clarivum.checks.gate.crossing import Crossing
from clarivum.database.migrations.files import Migration

FOLDER = Path("docs") / "adr"
PLACEHOLDER = "<!-- fill:"
HEADING = re.compile(r"^#+[^\n]*\baddendum\b", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Addendum:
    """One addendum: its file relative to the root, and its text from the heading on."""

    file: str
    text: str
    first_line: int = 1
    """Where `text` begins in the file."""

    def unfilled_line(self, migration: Migration | None = None) -> int:
        """The line of the file with the first part that is left to be filled in; 0 when there is none.

        Of an addendum that has others below it, those count that name `migration`.
        """
        begins = [*(heading.start() for heading in HEADING.finditer(self.text)), len(self.text)]
        for begin, end in pairwise(begins):
            part = self.text[begin:end]
            before, found, _ = part.partition(PLACEHOLDER)
            if found and (migration is None or _names(part, str(migration))):
                return self.first_line + self.text.count("\n", 0, begin) + before.count("\n")
        return 0

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
            line = text.count("\n", 0, heading.start()) + 1
            found.append(Addendum(path.relative_to(root).as_posix(), text[heading.start() :], line))
    return tuple(found)


def uncovered(
    migration: Migration, crossings: tuple[Crossing, ...], addenda: Iterable[Addendum]
) -> tuple[Crossing, ...]:
    """The crossings of a migration that no finished addendum which names the migration names as well."""
    left = crossings
    for addendum in addenda:
        if left and addendum.concerns(migration) and not addendum.unfilled_line(migration):
            left = addendum.missing(left)
    return left


def lacking(migration: Migration, addenda: Iterable[Addendum]) -> str:
    """What there is instead of an addendum: none, one that is not filled in, one that does not name all objects."""
    near = [addendum for addendum in addenda if addendum.concerns(migration)]
    for addendum in near:
        if line := addendum.unfilled_line(migration):
            return f"{addendum.file}:{line} is still to be filled in"
    return f"{near[0].file} does not name it" if near else f"no addendum in {FOLDER.as_posix()} names {migration}"


def _names(text: str, name: str) -> bool:
    """Whether a text names something as a whole: `public.leads` is not named by `public.leads_archive`."""
    return re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.(?!sql\b)\w)", text) is not None
