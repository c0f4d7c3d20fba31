"""The ADR gate: whoever changes another team's tables says so in an addendum before the change is applied."""

from clarivum.checks.gate.addenda import Addendum, lacking, read_addenda, uncovered
from clarivum.checks.gate.crossing import Crossing, Reading, author_in, author_of, follow, owner_at
from clarivum.checks.gate.refusal import refuse_ungated

__all__ = [
    "Addendum",
    "Crossing",
    "Reading",
    "author_in",
    "author_of",
    "follow",
    "lacking",
    "owner_at",
    "read_addenda",
    "refuse_ungated",
    "uncovered",
]
