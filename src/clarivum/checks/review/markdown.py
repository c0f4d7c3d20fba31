"""A description as blocks, and the blocks as Markdown that GitHub renders as meant, or as JSON. Pure.

Texts are data: whatever stands in them (pipes, backticks, angle brackets) is shown, never obeyed. Formats: CommonMark
0.31 and the tables of GitHub Flavored Markdown.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

SPECIAL = re.compile(r"([\\`*\[\]<>|~&]|(?<!\w)_|_(?!\w))")
BLOCK_START = re.compile(r"^([#+=-]|\d+(?=[.)]))")


class Code(str):
    """A text shown as code: a name, a piece of SQL."""

    __slots__ = ()


Span = str | Code
Cell = Span | tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Paragraph:
    text: Cell


@dataclass(frozen=True, slots=True)
class Bullets:
    items: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """A list whose order matters."""

    items: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """Columns are named in lower case; the names are the members of a row in JSON."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """Lines of code; `language` is what GitHub colours it as, or empty."""

    language: str
    text: str


@dataclass(frozen=True, slots=True)
class Details:
    """What a reader opens when it matters to him."""

    summary: Cell
    blocks: "tuple[Paragraph | Bullets | Steps | Table | Listing, ...]"


Block = Paragraph | Bullets | Steps | Table | Listing | Details


@dataclass(frozen=True, slots=True)
class Abridging:
    """How much is written: `details` whether what is folded away is; `rows` at most, of a table or a list."""

    details: bool = True
    rows: int | None = None


WHOLE = Abridging()


def plain(cell: Cell) -> str:
    """A cell without its marks."""
    return "".join(cell) if isinstance(cell, tuple) else str(cell)


def inline(cell: Cell, *, in_table: bool = False) -> str:
    """A cell as Markdown in one line."""
    spans = cell if isinstance(cell, tuple) else (cell,)
    return "".join(_code(span, in_table) if isinstance(span, Code) else _text(span) for span in spans)


def markdown(blocks: Sequence[Block], abridging: Abridging = WHOLE) -> str:
    """The blocks, a blank line between them, no line break at the end."""
    written = (_block(block, abridging) for block in blocks)
    return "\n\n".join(text for text in written if text)


def document(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """The blocks for machines: never abridged, texts without marks."""
    return [_document(block) for block in blocks]


def _block(block: Block, abridging: Abridging) -> str:
    match block:
        case Paragraph(text):
            return _at_start(inline(text))
        case Bullets(items):
            return _items(items, abridging, lambda number: "-")
        case Steps(items):
            return _items(items, abridging, lambda number: f"{number}.")
        case Table():
            return _table(block, abridging)
        case Listing(language, text):
            fence = "`" * max(3, _longest_run(text) + 1)
            return f"{fence}{language}\n{text.rstrip()}\n{fence}"
        case Details(summary, blocks):
            if not abridging.details:
                return ""
            # GitHub reads Markdown inside of an HTML block after a blank line; in <summary> it reads HTML.
            return f"<details><summary>{_html(summary)}</summary>\n\n{markdown(blocks, abridging)}\n\n</details>"


def _items(items: Sequence[Cell], abridging: Abridging, mark: Any) -> str:
    kept = items if abridging.rows is None else items[: abridging.rows]
    lines = [f"{mark(number)} {_at_start(inline(item))}" for number, item in enumerate(kept, 1)]
    return "\n".join([*lines, *([f"- {_left_out(items, kept)}"] if len(kept) < len(items) else [])])


def _table(table: Table, abridging: Abridging) -> str:
    kept = table.rows if abridging.rows is None else table.rows[: abridging.rows]
    lines = [_row([_text(column) for column in table.columns]), _row(["---"] * len(table.columns))]
    lines += [_row([inline(cell, in_table=True) for cell in row]) for row in kept]
    if len(kept) < len(table.rows):
        lines += ["", _left_out(table.rows, kept)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _left_out(everything: Sequence[Any], kept: Sequence[Any]) -> str:
    return f"… and {len(everything) - len(kept):,} more"


def _text(text: str) -> str:
    return SPECIAL.sub(r"\\\1", re.sub(r"\s*[\r\n]\s*", " ", text))


def _at_start(text: str) -> str:
    """A line that begins no heading and no list of its own."""
    return BLOCK_START.sub(lambda found: f"\\{found[0]}" if not found[0].isdigit() else f"{found[0]}\\", text)


def _code(text: str, in_table: bool) -> str:
    text = " ".join(text.split())
    if not text:
        return ""
    if in_table and "\\|" in text:
        # Tables are cut at pipes before code is read; a backslash of the code's own would make ours an escaped one.
        return f"<code>{''.join(f'&#{ord(each)};' if not each.isalnum() else each for each in text)}</code>"
    fence = "`" * (_longest_run(text) + 1)
    padding = " " if text.startswith("`") or text.endswith("`") else ""
    shown = text.replace("|", "\\|") if in_table else text
    return f"{fence}{padding}{shown}{padding}{fence}"


def _html(cell: Cell) -> str:
    spans = cell if isinstance(cell, tuple) else (cell,)
    return "".join(f"<code>{escape(span)}</code>" if isinstance(span, Code) else escape(span) for span in spans)


def _longest_run(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _document(block: Block) -> dict[str, Any]:
    match block:
        case Paragraph(text):
            return {"type": "paragraph", "text": plain(text)}
        case Bullets(items):
            return {"type": "list", "items": [plain(item) for item in items]}
        case Steps(items):
            return {"type": "steps", "items": [plain(item) for item in items]}
        case Table(columns, rows):
            named = [dict(zip(columns, map(plain, row), strict=True)) for row in rows]
            return {"type": "table", "columns": list(columns), "rows": named}
        case Listing(language, text):
            return {"type": "listing", "language": language, "text": text}
        case Details(summary, blocks):
            return {"type": "details", "summary": plain(summary), "blocks": document(blocks)}
