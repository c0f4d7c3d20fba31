"""Lists, a page at a time: keyset pagination with opaque cursors."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar
from uuid import UUID

from clarivum.errors import DeclarationError

T = TypeVar("T")
Row = TypeVar("Row")
Direction = Literal["ascending", "descending"]

DEFAULT_LIMIT = 20
MAX_LIMIT = 100

# What stands before the first row, so that a query needs no case for the first page.
BEFORE_FIRST: Mapping[Direction, Mapping[type, object]] = {
    "ascending": {
        datetime: "-infinity",
        date: "-infinity",
        UUID: UUID(int=0),
        int: -(2**63),
        str: "",
    },
    "descending": {
        datetime: "infinity",
        date: "infinity",
        UUID: UUID(int=2**128 - 1),
        int: 2**63 - 1,
    },
}


@dataclass(frozen=True, slots=True)
class Keyset:
    """The columns a list is ordered by, all in one direction; together they are unique."""

    direction: Direction
    columns: tuple[tuple[str, type], ...]

    @classmethod
    def ascending(cls, **columns: type) -> "Keyset":
        return cls._of("ascending", columns)

    @classmethod
    def descending(cls, **columns: type) -> "Keyset":
        return cls._of("descending", columns)

    @classmethod
    def _of(cls, direction: Direction, columns: Mapping[str, type]) -> "Keyset":
        first = BEFORE_FIRST[direction]
        for name, kind in columns.items():
            if kind not in first:
                known = ", ".join(sorted(known.__name__ for known in first))
                raise DeclarationError(f"keyset column {name!r}: {direction} {kind.__name__} has no bound; use {known}")
        if not columns:
            raise DeclarationError("a keyset names at least one column")
        return cls(direction, tuple(columns.items()))

    @property
    def first(self) -> tuple[object, ...]:
        return tuple(BEFORE_FIRST[self.direction][kind] for _, kind in self.columns)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """One page of a list. `next` is the cursor of the page after it, None on the last."""

    items: Sequence[T]
    next: str | None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A handler parameter, annotated with its keyset: `page: Annotated[PageRequest, Keyset.descending(…)]`.

    `parameters` go to the query as they are: `after_<column>` for each keyset column, and `limit`, which is one more
    than a page holds so that the last page is known to be the last.
    """

    keyset: Keyset
    limit: int
    position: tuple[object, ...]
    encode: Callable[[tuple[object, ...]], str]

    @property
    def parameters(self) -> dict[str, Any]:
        values: dict[str, Any] = {"limit": self.limit + 1}
        for (name, _), value in zip(self.keyset.columns, self.position, strict=True):
            values[f"after_{name}"] = value
        return values

    def of(self, rows: Sequence[Row], into: Callable[[Row], Any] | None = None) -> Page[Any]:
        """The page made of what the query returned for `parameters`, each row through `into` when given."""
        shown = rows[: self.limit]
        cursor = None
        if len(rows) > self.limit:
            last = shown[-1]
            cursor = self.encode(tuple(_column(last, name) for name, _ in self.keyset.columns))
        return Page([into(row) for row in shown] if into else shown, cursor)


def _column(row: object, name: str) -> object:
    return row[name] if isinstance(row, Mapping) else getattr(row, name)


NewestFirst = Annotated[PageRequest, Keyset.descending(created_at=datetime, id=UUID)]
"""The usual order: `order by created_at desc, id desc`, from `%(after_created_at)s`, `%(after_id)s`."""
