"""The tables in words, as Markdown: owner, purpose, rows, policies, indexes and the queries that use each. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from clarivum.checks.erd.diagram import shown_tables
from clarivum.checks.erd.policy_words import policy_words
from clarivum.checks.erd.words import purpose
from clarivum.checks.index_reach import serves
from clarivum.database.planning import Catalog, Index, Table
from clarivum.database.planning.assumptions import declared_rows
from clarivum.owners import Owner, owner_in

Uses = Mapping[tuple[str, str], Sequence[str]]
"""The declared queries whose plan uses an index, by the table's `schema.table` and the index's name."""


def listing(catalog: Catalog, owners: Mapping[str, Owner], uses: Uses) -> str:
    """One line a table, then one section each."""
    tables = shown_tables(catalog)
    lines = ["| table | owner | rows | holds |", "|---|---|---:|---|"]
    lines += [
        f"| {code(table.qualified)} | {owner_in(table.comment) or 'nobody'} | {_rows(table)} "
        f"| {prose(purpose(table.comment)) or 'not said'} |"
        for table in tables
    ]
    lines += ["", "Rows are what queries are planned for: declared in the table's comment, else *assumed*."]
    parts: defaultdict[str, list[Table]] = defaultdict(list)
    for each in catalog.tables:
        parts[each.partition_of].append(each)
    for table in tables:
        lines += ["", *_section(table, parts[table.qualified], owners, uses)]
    return "\n".join(lines)


def code(text: str) -> str:
    """Text as code within a cell of a table."""
    return f"`{cell(text.replace('`', chr(39)))}`"


def prose(text: str) -> str:
    """Text of a cell in which nothing is taken for HTML."""
    return cell(text.replace("&", "&amp;").replace("<", "&lt;"))


def cell(text: str) -> str:
    """Text that ends no cell and begins no line."""
    return " ".join(text.split()).replace("|", "\\|")


def _rows(table: Table) -> str:
    return f"{table.rows:,}" if declared_rows(table.comment) is not None else f"*{table.rows:,}*"


def _section(table: Table, parts: Sequence[Table], owners: Mapping[str, Owner], uses: Uses) -> Iterator[str]:
    yield f"### {code(table.qualified)}"
    yield ""
    owner = owners.get(owner_in(table.comment))
    if owner is not None:
        yield f"- ask {owner.person}, {owner.channel}; its data: {owner.data_champion}"
    if parts:
        yield f"- partitions: {', '.join(code(part.qualified) for part in parts)}"
    yield from (f"- {sentence}" for sentence in _security(table))
    if table.indexes:
        yield ""
        yield "| index | on | used by |"
        yield "|---|---|---|"
        for index in sorted(table.indexes, key=lambda index: (not index.primary, index.name)):
            using = sorted({query for place in _places(table, index, parts) for query in uses.get(place, ())})
            used = ", ".join(map(code, using)) or _without_use(index, table)
            yield f"| {code(index.name)} | {_definition(index)} | {used} |"


def _security(table: Table) -> Iterator[str]:
    if table.kind == "m":
        yield "a materialized view: no policy applies, whoever holds a grant reads every row"
        return
    if not table.row_security:
        yield "no row-level security: whoever holds a grant sees every row"
        return
    if not table.policies:
        yield "no policy: no row is seen or written, except by roles that bypass row-level security"
    for policy in sorted(table.policies, key=lambda policy: policy.name):
        yield f"{policy_words(policy, table)} ({code(policy.name)})"


def _definition(index: Index) -> str:
    keys = ", ".join(f"{key} {order}".strip() for key, order in zip(index.keys, index.order, strict=True))
    method = "" if index.method == "btree" else f"{index.method}, "
    unique = "primary key, " if index.primary else "unique, " if index.unique else ""
    only = f" where {code(index.predicate)}" if index.predicate else ""
    return f"{unique}{method}{code(keys)}{only}"


def _without_use(index: Index, table: Table) -> str:
    """What an index is there for when no declared query reads through it."""
    if index.unique:
        return "keeps rows unique"
    served = next((key.name for key in table.foreign_keys if serves(index, key)), None)
    return f"foreign key {code(served)}" if served else "no declared query"


def _places(table: Table, index: Index, parts: Sequence[Table]) -> Iterator[tuple[str, str]]:
    """The index itself, and its share on each partition: the same keys and predicate."""
    yield table.qualified, index.name
    for part in parts:
        for share in part.indexes:
            if (share.keys, share.order, share.predicate) == (index.keys, index.order, index.predicate):
                yield part.qualified, share.name
