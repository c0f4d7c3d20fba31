"""The access matrix: every cell that was tried, and how it is written down. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from clarivum.database.trial import VERBS, Cell, TableTrial
from clarivum.errors import (
    CSRF_FAILED,
    FORBIDDEN,
    INSUFFICIENT_SCOPE,
    INVALID_SESSION,
    INVALID_SIGNATURE,
    INVALID_TOKEN,
    MFA_REQUIRED,
    UNAUTHENTICATED,
)

ALLOWED = "allowed"
BY_HANDLER = " by the handler"
"""What follows the code of a refusal that the guard did not make."""


@dataclass(frozen=True, slots=True)
class RouteCell:
    """What one caller gets from one route. `outcome` is what the page says: `allowed`, or the code of the refusal.

    `reached` is whether the handler was; `status` what was answered; `database` the SQLSTATE with which the database
    refused the handler's statement, empty when it did not.
    """

    outcome: str
    status: int
    reached: bool
    database: str = ""

    @property
    def is_tried(self) -> bool:
        """Whether it is known what the caller may do: allowed, or refused by guard, database or the handler itself."""
        known = {ALLOWED, *(f"{code}{BY_HANDLER}" for code in REFUSALS)}
        return not self.let_in or bool(self.database) or self.outcome in known

    @property
    def let_in(self) -> bool:
        """Whether the guard let the caller in, whatever came then."""
        return self.reached or self.outcome not in REFUSALS


REFUSALS = frozenset(
    code.name
    for code in (
        UNAUTHENTICATED,
        FORBIDDEN,
        INSUFFICIENT_SCOPE,
        MFA_REQUIRED,
        INVALID_TOKEN,
        INVALID_SESSION,
        INVALID_SIGNATURE,
        CSRF_FAILED,
    )
)
"""Codes with which a guard refuses."""


@dataclass(frozen=True, slots=True)
class RouteTrial:
    """One route with its cells by persona. `demands_mfa`: without a second factor the same caller was refused."""

    route: str
    cells: Mapping[str, RouteCell]
    demands_mfa: bool = False


@dataclass(frozen=True, slots=True)
class AccessMatrix:
    """Everything that was tried. `personas` are name and description, in the order of the page's rows."""

    personas: Sequence[tuple[str, str]]
    tables: Sequence[TableTrial]
    routes: Sequence[RouteTrial] = field(default=())

    def table(self, qualified: str) -> TableTrial | None:
        return next((table for table in self.tables if table.table == qualified), None)

    def route(self, route: str) -> RouteTrial | None:
        return next((each for each in self.routes if each.route == route), None)

    def document(self) -> dict[str, Any]:
        """The matrix as JSON, for the page's sibling and for comparison: no measure of time, no version in it."""
        return {
            "generated_by": "./clarivum access matrix --write",
            "roles": dict(self.personas),
            "tables": {trial.table: self._table(trial) for trial in self.tables},
            "routes": {
                trial.route: {
                    "mfa": trial.demands_mfa,
                    "roles": {persona: cell.outcome for persona, cell in trial.cells.items()},
                }
                for trial in self.routes
            },
        }

    def _table(self, trial: TableTrial) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for (persona, role), cells in trial.cells.items():
            found.setdefault(persona, {})[role] = {verb: _cell(cells[verb]) for verb in VERBS}
        return found


def _cell(cell: Cell) -> dict[str, Any]:
    written: dict[str, Any] = {"reach": cell.reach.value, "by": list(cell.by)}
    if cell.columns is not None:
        written["columns"] = list(cell.columns)
    if cell.when:
        written["when"] = {state: reach.value for state, reach in cell.when}
    if cell.note:
        written["note"] = cell.note
    return written


def cells_of(document: Mapping[str, Any]) -> dict[tuple[str, str, str], str]:
    """Every cell of a document as one line of text, by resource, caller and verb; a route's verb is `call`.

    What a document lacks, or does not hold in that shape, gives no cell.
    """
    found: dict[tuple[str, str, str], str] = {}
    for table, personas in _mapping(document.get("tables")).items():
        for persona, roles in _mapping(personas).items():
            for role, verbs in _mapping(roles).items():
                for verb, cell in _mapping(verbs).items():
                    found[table, f"{persona} as {role}", verb] = phrase_of(_mapping(cell))
    for route, trial in _mapping(document.get("routes")).items():
        second = ", with a second factor" if _mapping(trial).get("mfa") else ""
        for persona, outcome in _mapping(_mapping(trial).get("roles")).items():
            found[route, persona, "call"] = f"{outcome}{second if outcome == ALLOWED else ''}"
    return found


def phrase_of(cell: Mapping[str, Any]) -> str:
    """A cell in words: `own rows; none when deleted_at is set (columns a, b) – policy`."""
    reach = str(cell.get("reach", "?"))
    text = "; ".join([reach, *(f"{then} when {state}" for state, then in _mapping(cell.get("when")).items())])
    columns = cell.get("columns")
    if isinstance(columns, list):
        text += f"; columns {', '.join(map(str, columns))}"
    if cell.get("note"):
        text += f"; {cell['note']}"
    by = cell.get("by")
    return f"{text} – {', '.join(map(str, by))}" if isinstance(by, list) and by else text


def cell_phrase(cell: Cell) -> str:
    """As `phrase_of`, of a cell as it was tried."""
    return phrase_of(_cell(cell))


@dataclass(frozen=True, slots=True)
class Change:
    """One cell that is not what it was; empty where there was, or is, none."""

    resource: str
    caller: str
    verb: str
    before: str
    after: str


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """The cells that differ between two documents, in the order of the later one, what is gone at the end."""
    old, new = cells_of(before), cells_of(after)
    return [
        Change(*key, old.get(key, ""), new.get(key, ""))
        for key in dict.fromkeys([*new, *old])
        if old.get(key) != new.get(key)
    ]


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
