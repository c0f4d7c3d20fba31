"""The whole description: what is compared, what to look at first, then the parts; as Markdown or JSON. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clarivum.checks.review.change import Change
from clarivum.checks.review.git import Comparison
from clarivum.checks.review.markdown import (
    WHOLE,
    Abridging,
    Block,
    Bullets,
    Cell,
    Code,
    Paragraph,
    document,
    inline,
    markdown,
    plain,
)
from clarivum.checks.review.part import Part
from clarivum.checks.review.registry import PARTS
from clarivum.checks.review.wording import cell, counted

MAX_CHARACTERS = 65_536
"""What GitHub takes as the body of a pull request."""
SHARE_STEP = 100
LINE = "\n"
CUT = "\n\n… and more"
ABRIDGINGS = (WHOLE, Abridging(False), Abridging(False, 40), Abridging(False, 15), Abridging(False, 5))


@dataclass(frozen=True, slots=True)
class Description:
    """What is to be said of a change, part by part."""

    comparison: Comparison
    compared: Cell
    first: tuple[Cell, ...]
    """What a reviewer should look at first."""
    parts: tuple[tuple[Part, tuple[Block, ...]], ...]
    """All parts, those without blocks included."""


def describe(change: Change, parts: Sequence[Part] = PARTS) -> Description:
    """Let every part say what it has to say; nothing is asked when no file differs."""
    compared = _compared(change)
    if not change.comparison.files:
        return Description(change.comparison, compared, (), tuple((part, ()) for part in parts))
    first = tuple(warning for part in parts for warning in (*part.warn(change),))
    told = tuple((part, tuple(part.describe(change))) for part in parts)
    return Description(change.comparison, compared, (*_unloaded(change), *first), told)


def to_markdown(description: Description, limit: int = MAX_CHARACTERS) -> str:
    """The description in at most `limit` characters: what is folded away goes first, then the ends of long tables, then
    the ends of the longest parts.
    """
    for abridging in ABRIDGINGS:
        sections = _sections(description, abridging)
        if _length(sections) <= limit:
            return _joined(sections)
    share = next((most for most in range(limit, 0, -SHARE_STEP) if _length(_cut(sections, most)) <= limit), 0)
    return _joined(_cut(sections, share))[:limit]


def to_json(description: Description) -> str:
    """The description for machines, nothing left out."""
    told: dict[str, Any] = {
        "compared": plain(description.compared),
        "base": {"ref": description.comparison.ref, "commit": description.comparison.commit},
        "files": [{"path": path, "change": state} for state, path in description.comparison.files],
        "first": [plain(warning) for warning in description.first],
        "parts": [
            {"key": part.key, "title": part.title, "blocks": document(blocks)} for part, blocks in description.parts
        ],
    }
    return json.dumps(told, indent=2, ensure_ascii=False) + "\n"


def _sections(description: Description, abridging: Abridging) -> list[str]:
    """What is compared, what to look at first, each part that has something to say, and the names of the others."""
    sections = [markdown([Paragraph(description.compared)])]
    if abridging is not WHOLE:
        sections.append("This is abridged to fit into a pull request; the whole is in `./clarivum pr --format json`.")
    if description.first:
        sections.append(f"### Look at first\n\n{markdown([Bullets(description.first)], abridging)}")
    empty = [part.title for part, blocks in description.parts if not blocks]
    for part, blocks in description.parts:
        if blocks:
            sections.append(f"### {inline(part.title)}\n\n{markdown(blocks, abridging)}")
    if empty:
        sections.append(f"Nothing changes in: {inline(', '.join(empty))}.")
    return sections


def _joined(sections: Sequence[str]) -> str:
    return "\n\n".join(sections) + "\n"


def _length(sections: Sequence[str]) -> int:
    return sum(map(len, sections)) + 2 * len(sections)


def _cut(sections: Sequence[str], most: int) -> list[str]:
    """The first two sections, and of each other at most `most` characters, ended after a whole line. Listings are in
    details alone, which are left out before anything is cut.
    """
    kept = max(0, most - len(CUT))
    cut = (each if len(each) <= most else f"{each[:kept].rpartition(LINE)[0]}{CUT}" for each in sections[2:])
    return [*sections[:2], *cut]


def _compared(change: Change) -> Cell:
    told = change.comparison
    here = cell(" (", Code(told.ref), ")") if told.exact else cell(", where this left ", Code(told.ref))
    where = cell(Code(told.commit[:9]), *([] if told.commit.startswith(told.ref) else here))
    if not told.files:
        return cell("No file differs from ", where, ".")
    commits = counted(told.commits, "commit")
    pending = f", {counted(told.uncommitted, 'file')} not committed yet" if told.uncommitted else ""
    return cell("Compared with ", where, f": {counted(len(told.files), 'file')} in {commits}{pending}.")


def _unloaded(change: Change) -> tuple[Cell, ...]:
    sides = ((change.head, "this change does not load"), (change.base, "the older commit does not load"))
    found: list[Cell] = [cell(f"{what}: ", Code(why)) for side, what in sides for why in side.unloaded[:5]]
    found += [
        cell(what.replace("load", "migrate"), ": ", Code(side.unmigrated)) for side, what in sides if side.unmigrated
    ]
    return tuple(found)
