"""What stands before a statement, as far as what it touches and locks depends on that. Pure."""

from dataclasses import dataclass, field

from clarivum.checks.statements.column_types import ColumnTypes
from clarivum.checks.statements.partitioned import Partitioned


@dataclass(slots=True)
class Names:
    """What stands before the statement: tables, columns' types, the table of each index, foreign keys.

    Names are `schema.name`.
    """

    tables: set[str] = field(default_factory=set)
    indexes: dict[str, str] = field(default_factory=dict)
    foreign_keys: dict[tuple[str, str], str] = field(default_factory=dict)
    """By table and name of the constraint, the table that it references."""
    types: ColumnTypes = field(default_factory=ColumnTypes)
    partitioned: Partitioned = field(default_factory=Partitioned)

    def copy(self) -> "Names":
        return Names(
            set(self.tables),
            dict(self.indexes),
            dict(self.foreign_keys),
            self.types.copy(),
            self.partitioned.copy(),
        )

    def within(self, schema: str) -> list[str]:
        return sorted(name for name in self.tables if name.partition(".")[0] == schema)

    def referenced_by(self, table: str) -> list[str]:
        return sorted({to for (owner, _), to in self.foreign_keys.items() if owner == table})

    def table_of_index(self, index: str) -> str:
        """The index's table; the index itself when it is not known."""
        return self.indexes.get(index, index)
