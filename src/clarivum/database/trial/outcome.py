"""What a trial found: one cell for each caller, table and verb. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Verb = Literal["select", "insert", "update", "delete", "truncate"]
VERBS: tuple[Verb, ...] = ("select", "insert", "update", "delete", "truncate")


class Reach(StrEnum):
    """Which rows a verb reaches. For insert: in whose name a row may be added."""

    NONE = "none"
    OWN = "own rows"
    OTHERS = "others' rows"
    SOME = "some rows"
    ALL = "all rows"
    UNTRIED = "untried"

    @property
    def goes_beyond_own(self) -> bool:
        return self in {Reach.OTHERS, Reach.SOME, Reach.ALL}


NO_GRANT, NO_POLICY, NO_ROW_SECURITY = "no grant", "no policy", "row-level security is off"
NO_POLICY_APPLIES = "no policy applies"
"""What a cell names where no policy decided."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one caller may do with one verb to one table.

    `columns` are those that column grants leave, None for all of them. `by` names what decided: policies, or the grant
    or policy that is missing. `when` tells where a row's state changes the reach: `("deleted_at is set", NONE)`.
    `note` is what else Postgres said.
    """

    reach: Reach
    by: tuple[str, ...] = ()
    columns: tuple[str, ...] | None = None
    when: tuple[tuple[str, Reach], ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True)
class TableTrial:
    """All cells of one table, by the caller's and the database role's name, then by verb.

    `untried` says why no row could be made, empty when one was.
    """

    table: str
    cells: Mapping[tuple[str, str], Mapping[Verb, Cell]]
    untried: str = ""


def reach_of(reached: Collection[str], owners: Collection[str], own: str) -> Reach:
    """The reach of a verb that reached the rows of `reached`, out of those of `owners`; `own` is the caller's name."""
    reached, others = set(reached), set(owners) - {own}
    if not reached:
        return Reach.NONE
    if reached == {own}:
        return Reach.OWN
    if reached >= others:
        return Reach.ALL if own in reached or own not in owners else Reach.OTHERS
    return Reach.SOME
