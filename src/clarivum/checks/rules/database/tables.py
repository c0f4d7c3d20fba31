"""What the rules on tables share: which tables are looked at, and how a problem with one is placed."""

from collections.abc import Iterator

from clarivum.checks.facts import Facts
from clarivum.checks.finding import Problem
from clarivum.checks.migrations_text import place_of_table
from clarivum.database.planning import Index, Table
from clarivum.database.planning.quoting import quoted
from clarivum.owners import owner_in


def tables(facts: Facts) -> Iterator[Table]:
    """The application's tables; materialized views, which cannot have policies, are another matter."""
    return (table for table in facts.catalog.tables if table.kind in {"r", "p"})


def owner_of(table: Table) -> str:
    """The team that the table's comment names, empty when it names none."""
    return owner_in(table.comment)


def name_of(table: Table) -> str:
    """As a statement names it: with its schema, in quotes where they are needed."""
    return quoted(table.schema, table.name)


def drop_of(table: Table, index: Index) -> str:
    """The statement that drops an index; that of a partitioned table cannot be dropped concurrently."""
    how = "" if table.kind == "p" else "concurrently "
    return f"drop index {how}{quoted(table.schema, index.name)};"


def problem(facts: Facts, table: Table, message: str, fix: str = "", *, made: str = "") -> Problem:
    """A problem at the `create table` statement, or at what `made` names: `policy public.leads.leads_read`."""
    place = facts.places.get(made) or place_of_table(facts.places, table.qualified)
    subject = made.partition(" ")[2] or table.qualified
    return Problem(place.file, place.line, subject, message, fix, owner_of(table))
