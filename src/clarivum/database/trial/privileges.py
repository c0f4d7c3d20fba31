"""What grants let a caller begin: tried with statements that touch no row."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg import sql

from clarivum.database.trial.outcome import Verb
from clarivum.database.trial.relation import Relation
from clarivum.database.trial.rows import table
from clarivum.database.trial.stage import Attempt, Guise, Stage

REFERENCED = "0A000"


@dataclass(frozen=True, slots=True)
class Granted:
    """The columns a verb may name, all of them when `is_whole`; none when there are none. `note` says what else was
    in the way."""

    columns: tuple[str, ...]
    is_whole: bool
    note: str = ""

    @property
    def nothing(self) -> bool:
        return not self.columns and not self.is_whole

    @property
    def partial(self) -> tuple[str, ...] | None:
        return None if self.is_whole else self.columns


def try_grants(stage: Stage, guise: Guise, relation: Relation) -> Mapping[Verb, Granted]:
    """Each verb under the caller's role, first on all columns, then, where only some are granted, on each."""
    return {
        "select": _columns(stage, guise, relation, "select"),
        "insert": _columns(stage, guise, relation, "insert"),
        "update": _columns(stage, guise, relation, "update"),
        "delete": _whole(stage.as_guise(guise, sql.SQL("delete from {} where false").format(table(relation)))),
        "truncate": _whole(stage.as_guise(guise, sql.SQL("truncate {}").format(table(relation)))),
    }


def _select(relation: Relation, columns: tuple[str, ...]) -> sql.Composed:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    return sql.SQL("select {} from {} limit 0").format(names, table(relation))


def _insert(relation: Relation, columns: tuple[str, ...]) -> sql.Composed:
    names, values = sql.SQL(", ").join(map(sql.Identifier, columns)), sql.SQL(", ").join(sql.SQL("null") * len(columns))
    return sql.SQL("insert into {} ({}) select {} where false").format(table(relation), names, values)


def _update(relation: Relation, columns: tuple[str, ...]) -> sql.Composed:
    changes = sql.SQL(", ").join(sql.SQL("{} = default").format(sql.Identifier(name)) for name in columns)
    return sql.SQL("update {} set {} where false").format(table(relation), changes)


def _columns(stage: Stage, guise: Guise, relation: Relation, verb: str) -> Granted:
    make = {"select": _select, "insert": _insert, "update": _update}[verb]
    names = tuple(column.name for column in relation.columns if verb == "select" or not column.fixed)
    if not names:
        return Granted((), is_whole=False)
    whole = stage.as_guise(guise, make(relation, names))
    if not whole.lacks_grant:
        return Granted(names, is_whole=True, note=_note(whole))
    # One question to the catalog saves a statement per column where there is no grant at all, the usual case.
    asked = sql.SQL(
        "select has_schema_privilege({role}, {schema}, 'usage')"
        " and has_any_column_privilege({role}, {oid}::oid, {verb})"
    )
    known = stage.run(asked.format(role=guise.context.role, schema=relation.schema, oid=relation.oid, verb=verb))
    if not known[0][0]:
        return Granted((), is_whole=False)
    return Granted(
        tuple(name for name in names if not stage.as_guise(guise, make(relation, (name,))).lacks_grant), is_whole=False
    )


def _whole(tried: Attempt) -> Granted:
    note = "refused while another table refers to it" if tried.sqlstate == REFERENCED else _note(tried)
    return Granted((), is_whole=not tried.lacks_grant, note=note)


def _note(tried: Attempt) -> str:
    return "" if tried.done else f"{tried.message} ({tried.sqlstate})"
