"""How numbers and statements are put in the parts."""

from collections.abc import Iterable, Sequence
from typing import Any

from pglast.stream import RawStream

from clarivum.checks.review.markdown import Code, Span

MAX_CHARACTERS = 160


def counted(number: int, noun: str) -> str:
    """`1 query`, `2 queries`."""
    plural = noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{number:,} {plural}"


def names(given: Sequence[str], most: int = 6) -> tuple[Span, ...]:
    """Names as code, separated by commas; beyond `most` only how many there are."""
    spans: list[Span] = []
    for number, name in enumerate(given[:most]):
        spans += [", "] * bool(number) + [Code(name)]
    return (*spans, f" and {len(given) - most:,} more") if len(given) > most else tuple(spans)


def cell(*spans: Span | Iterable[Span]) -> tuple[Span, ...]:
    """Pieces, and runs of pieces, as one cell."""
    joined: list[Span] = []
    for span in spans:
        joined += [span] if isinstance(span, str) else list(span)
    return tuple(joined)


def shortened(text: str, most: int = MAX_CHARACTERS) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def statement(node: Any) -> str:
    """A statement in one line, without comments."""
    return shortened(str(RawStream()(node)))
