"""Column types as the migrations leave them, and which changes of type keep every value where it lies. Pure.

Source: ALTER TABLE's reference page ("neither the table nor its indexes are rewritten when the old type is either
binary coercible to the new type or an unconstrained domain over it"), and the transform functions of varchar, numeric,
varbit and the time types, which spare the rewrite when a limit grows.
"""

from dataclasses import dataclass
from typing import Any

from pglast import ast

SPELLINGS = {"int": "int4", "integer": "int4", "bigint": "int8", "smallint": "int2", "char": "bpchar"}
COERCIBLE = frozenset({("varchar", "text"), ("text", "varchar"), ("cidr", "inet")})
GROWING = frozenset({"varchar", "varbit", "time", "timetz", "timestamp", "timestamptz"})


@dataclass(frozen=True, slots=True)
class ColumnType:
    """`numeric(10,2)`: its name, the numbers in brackets, and how many dimensions."""

    name: str
    limits: tuple[int, ...] = ()
    dimensions: int = 0

    def __str__(self) -> str:
        limits = f"({','.join(map(str, self.limits))})" if self.limits else ""
        return f"{self.name}{limits}{'[]' * self.dimensions}"


def type_of(given: Any) -> ColumnType:
    """The type that a TypeName of the grammar means."""
    name = str(given.names[-1].sval)
    limits = tuple(
        int(each.val.ival or 0)
        for each in given.typmods or ()
        if isinstance(each, ast.A_Const) and isinstance(each.val, ast.Integer)
    )
    return ColumnType(SPELLINGS.get(name, name), limits, len(given.arrayBounds or ()))


def keeps_values(old: ColumnType | None, new: ColumnType) -> bool:
    """Whether a column changes its type without a rewrite and without losing anything; False for an unknown `old`."""
    if old is None or old.dimensions != new.dimensions:
        return False
    if old == new or ((old.name, new.name) in COERCIBLE and not new.limits):
        return True
    if old.name != new.name:
        return False
    if old.name in GROWING:
        return not new.limits or (bool(old.limits) and new.limits[0] >= old.limits[0])
    if old.name == "numeric":
        return not new.limits or (
            bool(old.limits) and new.limits[0] >= old.limits[0] and old.limits[1:] == new.limits[1:]
        )
    return False
