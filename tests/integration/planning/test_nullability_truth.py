"""What is said never to be null, against results: small queries of every shape over a few rows, run by Postgres."""

from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarivum.database.planning.nullability import nullable_columns
from clarivum.testing.postgres import ServersForTests

TABLES = {
    ("public", "a"): {"id": False, "x": True, "y": False},
    ("public", "b"): {"id": False, "a_id": True, "z": False},
}
COLUMNS = {table: list(columns) for (_, table), columns in TABLES.items()}
SCHEMA = """
create table public.a (id int not null, x int, y int not null);
create table public.b (id int not null, a_id int, z int not null);"""
SMALL = st.integers(0, 2)
ROWS = st.lists(st.tuples(SMALL, st.none() | SMALL, SMALL), max_size=3)


@dataclass(frozen=True, slots=True)
class Item:
    """A FROM item and the columns, with their aliases, that it offers."""

    sql: str
    columns: tuple[str, ...]


@st.composite
def items(draw: st.DrawFn, names: list[str], depth: int = 3) -> Item:
    if depth == 0 or draw(st.booleans()):
        table = draw(st.sampled_from(sorted(COLUMNS)))
        alias = f"t{len(names)}"
        names.append(alias)
        return Item(f"public.{table} {alias}", tuple(f"{alias}.{column}" for column in COLUMNS[table]))
    if draw(st.integers(0, 4)) == 0:
        inner = draw(items(names, depth - 1))
        chosen = draw(st.lists(st.sampled_from(inner.columns), min_size=1, max_size=3))
        alias = f"t{len(names)}"
        names.append(alias)
        listed = ", ".join(f"{column} as c{number}" for number, column in enumerate(chosen))
        where = f" where {draw(conditions(inner.columns))}" if draw(st.booleans()) else ""
        columns = tuple(f"{alias}.c{number}" for number in range(len(chosen)))
        return Item(f"(select {listed} from {inner.sql}{where}) {alias}", columns)
    left, right = draw(items(names, depth - 1)), draw(items(names, depth - 1))
    kind = draw(st.sampled_from(["join", "left join", "right join", "full join"]))
    compared = f"{draw(st.sampled_from(left.columns))} = {draw(st.sampled_from(right.columns))}"
    return Item(f"({left.sql} {kind} {right.sql} on {compared})", left.columns + right.columns)


@st.composite
def conditions(draw: st.DrawFn, columns: tuple[str, ...]) -> str:
    one, other = draw(st.sampled_from(columns)), draw(st.sampled_from(columns))
    shapes = (
        f"{one} is not null",
        f"{one} = 1",
        f"{one} in (0, 1)",
        f"{one} <> all('{{}}'::int[])",
        f"{one} <> {other}",
        f"{one} is not distinct from {other}",
        f"({one} = 1 or {other} = 2)",
        f"{one} = 1 and {other} >= 0",
        f"{one} between 0 and 2",
        f"not ({one} = 1)",
    )
    return draw(st.sampled_from(shapes))


@st.composite
def values(draw: st.DrawFn, columns: tuple[str, ...]) -> str:
    one, other = draw(st.sampled_from(columns)), draw(st.sampled_from(columns))
    shapes = (
        one,
        one,
        f"{one} + {other}",
        f"coalesce({one}, {other})",
        f"coalesce({one}, 1)",
        f"greatest({one}, {other})",
        f"case when {one} = 1 then {other} end",
        f"case when {one} = 1 then {other} else 2 end",
        f"({one}, {other}) = (1, 2)",
        f"{one} = any(array[{other}, 1])",
        f"{one} is null",
        f"substring({one}::text from '1$')",
        f"length({one}::text)",
        f"(select max(y) from public.a where id = {one})",
        f"(select count(*) from public.b where b.z = {one})",
    )
    return draw(st.sampled_from(shapes))


@st.composite
def aggregates(draw: st.DrawFn, columns: tuple[str, ...]) -> str:
    one = draw(st.sampled_from(columns))
    name = draw(st.sampled_from(["count", "sum", "max", "stddev", "array_agg", "avg"]))
    filtered = draw(st.sampled_from(["", f" filter (where {one} > 1)"]))
    wrapped = draw(st.sampled_from(["{}", "coalesce({}, null)", "({} is null)"]))
    return wrapped.format(f"{name}({one}){filtered}")


@st.composite
def windows(draw: st.DrawFn, columns: tuple[str, ...]) -> str:
    one, by = draw(st.sampled_from(columns)), draw(st.sampled_from(columns))
    call = draw(st.sampled_from(["count", "sum", "lag", "max", "row_number", "first_value"]))
    frame = draw(st.sampled_from(["", " rows between 2 preceding and 1 preceding", " rows unbounded preceding"]))
    over = draw(st.sampled_from([f"(order by {by}{frame})", f"(partition by {by})", "()"]))
    return f"{call}({'' if call == 'row_number' else one}) over {over}"


@st.composite
def queries(draw: st.DrawFn) -> str:
    item = draw(items([]))
    columns = item.columns
    where = f" where {draw(conditions(columns))}" if draw(st.booleans()) else ""
    shape = draw(st.sampled_from(["plain", "plain", "windows", "grouped", "sets", "aggregated"]))
    if shape in {"plain", "windows"}:
        offered = values(columns) if shape == "plain" else values(columns) | windows(columns)
        listed = draw(st.lists(offered, min_size=1, max_size=4))
        return f"select {', '.join(listed)} from {item.sql}{where}"
    told = draw(st.lists(aggregates(columns), min_size=1, max_size=3))
    if shape == "aggregated":
        return f"select {', '.join(told)} from {item.sql}{where}"
    keys = draw(st.lists(st.sampled_from(columns), min_size=1, max_size=2, unique=True))
    by = ", ".join(keys)
    if shape == "sets":
        by = draw(st.sampled_from([f"rollup({by})", f"cube({by})", f"{keys[0]}, rollup({by})", f"rollup(1), {by}"]))
        keys = [f"coalesce({keys[0]}, 0)", *keys] if by.startswith("rollup(1)") else keys
    return f"select {', '.join([*keys, *told])} from {item.sql}{where} group by {by}"


@pytest.fixture(scope="module")
def connection(postgres_servers: ServersForTests) -> Iterator[psycopg.Connection]:
    with (
        postgres_servers.database(migrated=False) as urls,
        psycopg.connect(urls.admin, autocommit=True) as connection,
    ):
        connection.execute(SCHEMA.encode())
        yield connection


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sql=queries(), a=ROWS, b=ROWS)
def test_what_is_said_never_to_be_null_never_is(
    connection: psycopg.Connection, sql: str, a: list[tuple[int, int | None, int]], b: list[tuple[int, int | None, int]]
) -> None:
    answers = nullable_columns(sql, TABLES)
    with connection.transaction(force_rollback=True), connection.cursor() as cursor:
        for table, rows in (("a", a), ("b", b)):
            cursor.executemany(f"insert into public.{table} values (%s, %s, %s)".encode(), rows)
        found = cursor.execute(sql.encode()).fetchall()
    assert answers is not None
    for row in found:
        assert len(row) == len(answers)
        wrong = [position for position, answer in enumerate(answers) if answer is False and row[position] is None]
        assert not wrong, f"{sql}\n  said never to be null: {wrong}"
