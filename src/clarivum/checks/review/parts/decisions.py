"""Decisions: records and addenda below docs/adr that came, changed or went."""

from collections.abc import Sequence

from clarivum.checks.gate.addenda import FOLDER
from clarivum.checks.review.change import Change
from clarivum.checks.review.markdown import Block, Cell, Code, Table
from clarivum.checks.review.part import Part


def describe(change: Change) -> Sequence[Block]:
    unfilled = {addendum.file: addendum.unfilled_line() for addendum in change.addenda}
    rows: list[tuple[Cell, ...]] = []
    for state, path in change.comparison.files:
        if path.startswith(f"{FOLDER.as_posix()}/"):
            line = unfilled.get(path)
            rows.append((Code(path), state, f"line {line} is still to be filled in" if line else ""))
    return [Table(("file", "change", "note"), tuple(rows))] if rows else []


PART = Part("decisions", "Decisions", describe)
