"""The tables as a Mermaid erDiagram (https://mermaid.js.org/syntax/entityRelationshipDiagram.html). Pure."""

from collections.abc import Iterator, Sequence

from clarivum.checks.erd.words import attribute, brief, entity_names, quoted, type_name
from clarivum.database.planning import Catalog, Column, Table
from clarivum.database.planning.catalog import ForeignKey

INDENT = "    "
QUOTE = '"'
MAX_CHARACTERS = 50_000
"""Mermaid's maxTextSize, unless whoever shows the page sets another: a longer diagram is not drawn."""
ONLY_KEYS = "%% Only keys are drawn: with every column this would be longer than Mermaid takes."


def shown_tables(catalog: Catalog) -> tuple[Table, ...]:
    """Tables, partitioned tables and materialized views; first those of `public`. Partitions stand for their table."""
    tables = (table for table in catalog.tables if not table.partition_of)
    return tuple(sorted(tables, key=lambda table: (table.schema != "public", table.schema, table.name)))


def diagram(catalog: Catalog) -> str:
    """The whole diagram: entities with their columns and keys, then references with how many stand on each side.

    Columns that are no keys are left out when it would be too long with them.
    """
    whole = _drawn(catalog, only_keys=False)
    return whole if len(whole) <= MAX_CHARACTERS else _drawn(catalog, only_keys=True)


def _drawn(catalog: Catalog, *, only_keys: bool) -> str:
    tables = shown_tables(catalog)
    partitions = {table.qualified for table in catalog.tables if table.partition_of}
    keys = {table.qualified: _references(table, partitions) for table in tables}
    elsewhere = sorted({key.references for each in keys.values() for key in each} - keys.keys())
    names = entity_names([*keys, *elsewhere])
    lines = ["erDiagram", *([f"{INDENT}{ONLY_KEYS}"] if only_keys else [])]
    for table in tables:
        lines.extend(_entity(table, names[table.qualified], keys[table.qualified], only_keys=only_keys))
    for table in tables:
        for key in keys[table.qualified]:
            lines.append(f"{INDENT}{_reference(table, key, names[key.references], names[table.qualified])}")
    return "\n".join(lines)


def unique_keys(table: Table) -> Iterator[tuple[str, ...]]:
    """The column lists that no two rows share: of its primary key and of every whole unique index on plain columns."""
    columns = _plain_keys(table)
    for index in table.indexes:
        if index.unique and not index.predicate and all(key in columns for key in index.keys):
            yield tuple(columns[key] for key in index.keys)


def primary_key(table: Table) -> tuple[str, ...]:
    """Its columns in the order of the key; none when it has no primary key."""
    columns = _plain_keys(table)
    return tuple(columns[key] for index in table.indexes if index.primary for key in index.keys)


def _references(table: Table, partitions: set[str]) -> Sequence[ForeignKey]:
    """The foreign keys in the order of their names; Postgres repeats one for each partition it leads to."""
    return sorted((key for key in table.foreign_keys if key.references not in partitions), key=lambda key: key.name)


def _entity(table: Table, name: str, references: Sequence[ForeignKey], *, only_keys: bool) -> Iterator[str]:
    primary = primary_key(table)
    alone = {columns[0] for columns in unique_keys(table) if len(columns) == 1}
    referring = {column for key in references for column in key.columns}
    yield f'{INDENT}"{name}" {{'
    for column in table.columns:
        marks = [
            mark
            for mark, holds in (
                ("PK", column.name in primary),
                ("FK", column.name in referring),
                ("UK", column.name in alone and primary != (column.name,)),
            )
            if holds
        ]
        if only_keys and not marks:
            continue
        words = [type_name(column.type), attribute(column.name), ", ".join(marks), _comment(column)]
        yield f"{INDENT * 2}{' '.join(word for word in words if word)}"
    yield f"{INDENT}}}"


def _comment(column: Column) -> str:
    """Its real name where the diagram cannot show it, whether it may be null, and what it holds."""
    said = [f"named {column.name}"] if attribute(column.name) != column.name else []
    said += ["may be null"] if column.nullable else []
    said += [brief(column.comment)] if brief(column.comment) else []
    return quoted("; ".join(said)) if said else ""


def _reference(table: Table, key: ForeignKey, parent: str, child: str) -> str:
    """One row of `parent`, or none where a referring column may be null, to any number of rows of `child`, or to one at
    most where the referring columns are unique. A solid line where they are part of the child's primary key."""
    columns = {column.name: column for column in table.columns}
    optional = any(columns[name].nullable for name in key.columns)
    single = any(set(unique) <= set(key.columns) for unique in unique_keys(table))
    identifying = set(key.columns) <= set(primary_key(table))
    line = "--" if identifying else ".."
    label = quoted(", ".join(attribute(name) for name in key.columns))
    return f'"{parent}" {"|o" if optional else "||"}{line}{"o|" if single else "o{"} "{child}" : {label}'


def _plain_keys(table: Table) -> dict[str, str]:
    """Its columns by the ways in which `pg_get_indexdef` prints them: bare, or in quotes where SQL asks for them."""
    names = [column.name for column in table.columns]
    return {f'"{name.replace(QUOTE, QUOTE * 2)}"': name for name in names} | {name: name for name in names}
