"""What a part of the description is: one subject of a review, written from the change alone."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from clarivum.checks.review.change import Change
from clarivum.checks.review.markdown import Block, Cell

Describe = Callable[[Change], Sequence[Block]]
Warn = Callable[[Change], Iterable[Cell]]


def _nothing(change: Change) -> Iterable[Cell]:
    return ()


@dataclass(frozen=True, slots=True)
class Part:
    """One part. `describe` returns no blocks when nothing changed; `warn` what a reviewer should look at first.

    Both are pure: what they need and `Change` does not have is read in `comparing.py` or `gathering.py`.
    """

    key: str
    """Its name in JSON."""
    title: str
    describe: Describe
    warn: Warn = _nothing
