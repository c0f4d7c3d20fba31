"""New decision records: `docs/adr/NNNN-slug.md`, numbered after every other, with the parts that all of them have."""

import re
import unicodedata
from datetime import date
from pathlib import Path

from clarivum.checks.gate.addenda import FOLDER, PLACEHOLDER
from clarivum.errors import RefusedError, UsageError

NUMBERED = re.compile(r"(?P<number>[0-9]{4})-(?P<slug>.+)\.md")
MAX_TITLE_CHARACTERS = 100
HIGHEST = 9_999
CONTEXT = "what is the case, and why it has to be decided now"
DECISION = "what we do, and what else we considered"
CONSEQUENCES = "what becomes easier, what becomes harder, who has to do something and by when"


def skeleton(number: int, title: str, today: date) -> str:
    """A decision to be written, in the shape that all have."""
    parts = [("Context", CONTEXT), ("Decision", DECISION), ("Consequences", CONSEQUENCES)]
    return heading(number, title, today) + "".join(part(name, asks) for name, asks in parts)


def heading(number: int, title: str, today: date) -> str:
    return f"# ADR-{number:04d}: {title}\n\nStatus: proposed\n\nDate: {today.isoformat()}\n"


def part(name: str, asks: str) -> str:
    """A section that a person fills in; what it asks for shows in the source only."""
    return f"\n## {name}\n\n{PLACEHOLDER} {asks} -->\n"


def checked_title(title: str) -> str:
    """The title as it is written. Raises UsageError for one that cannot be a heading and a file's name."""
    title = title.strip()
    if not title:
        raise UsageError("the title is empty; say in a few words what is decided")
    if any(unicodedata.category(character).startswith("C") for character in title):
        raise UsageError("the title holds a line break or another control character; write it in one line")
    if len(title) > MAX_TITLE_CHARACTERS:
        raise UsageError(f"the title has {len(title)} characters; at most {MAX_TITLE_CHARACTERS} make a heading")
    if not slug_of(title):
        raise UsageError(f"no file can be named after {title!r}: the title needs letters a to z or digits")
    return title


def slug_of(title: str) -> str:
    """`Job ledger & leases` as `job-ledger-leases`: letters lose their accents, all else becomes hyphens."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")


def new_path(root: Path, title: str) -> tuple[int, Path]:
    """Number and file of the next decision; nothing is written.

    Raises UsageError when one with this title is there already, RefusedError when the numbers are used up.
    """
    same = is_taken(root, title)
    if same:
        raise UsageError(f"{FOLDER.as_posix()}/{same} is there already; change it, or choose another title")
    number = max((int(match["number"]) for match in _numbered(root)), default=0) + 1
    if number > HIGHEST:
        raise RefusedError(f"{FOLDER.as_posix()} is full: a decision has a number of four digits")
    return number, root / FOLDER / f"{number:04d}-{slug_of(title)}.md"


def is_taken(root: Path, title: str) -> str:
    """The name of the file that has this title already; empty when none has."""
    return next((match[0] for match in _numbered(root) if match["slug"] == slug_of(title)), "")


def _numbered(root: Path) -> list[re.Match[str]]:
    names = sorted(path.name for path in (root / FOLDER).glob("*.md"))
    return [match for match in map(NUMBERED.fullmatch, names) if match]


def existing(root: Path, number: str) -> Path:
    """The file of a decision by its number, with or without zeros. Raises UsageError when there is none, or two."""
    if not number.isdecimal():
        raise UsageError(f"--to takes the number of a decision, such as 0007, not {number!r}")
    found = sorted((root / FOLDER).glob(f"{int(number):04d}-*.md"))
    if len(found) != 1:
        what = "two decisions" if found else "no decision"
        raise UsageError(f"there is {what} with the number {int(number):04d} in {FOLDER.as_posix()}")
    return found[0]
