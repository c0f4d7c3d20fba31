"""What the server says of a result, on both versions: element types, enum labels, domains, checks, nullability."""

from pathlib import Path

import pytest

from clarivum.database.planning import Description, Scratch

MIGRATION = """-- author: platform
create type public.mood as enum ('calm', 'wild');
create domain public.short as text;
create domain public.shorter as public.short;
create table public.odd (
    id uuid primary key,
    tags text[] not null,
    moods public.mood[],
    mood public.mood not null,
    name public.shorter not null,
    status text not null check (status in ('open', 'done')),
    span tstzrange,
    at timetz not null,
    "Host" inet not null
);
create table public.kin (odd_id uuid not null references public.odd (id), note text not null);
"""
STATEMENTS = (
    'select id, tags, moods, mood, name, status, span, at, "Host" from public.odd',
    "select o.id, k.note, count(*) as number from public.odd o left join public.kin k on k.odd_id = o.id group by 1, 2",
    "select * from public.odd left join public.kin on true",
    "select o.mood::text as mood, o.span is null as unbound from public.odd o where o.moods is not null",
    "select nothing from public.odd",
)


@pytest.fixture(scope="module", params=[16, 18])
def described(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> list[Description]:
    folder: Path = tmp_path_factory.mktemp("migrations")
    (folder / "20270101000000_odd.sql").write_text(MIGRATION, encoding="utf-8")
    with Scratch(folder, request.param) as scratch:
        scratch.prepare()
        return scratch.describe(STATEMENTS, scratch.read_catalog())


def test_types_are_told_with_their_elements_labels_and_checks(described: list[Description]) -> None:
    columns = {column.name: column for column in described[0].columns}
    assert (columns["tags"].type, columns["tags"].category, columns["tags"].element) == ("_text", "A", "text")
    assert (columns["moods"].element, columns["moods"].labels) == ("mood", ("calm", "wild"))
    assert (columns["mood"].category, columns["mood"].labels) == ("E", ("calm", "wild"))
    assert (columns["name"].type, columns["name"].category) == ("text", "S")
    assert columns["span"].category == "R"
    assert (columns["at"].type, columns["Host"].type) == ("timetz", "inet")
    assert "'done'::text" in columns["status"].checks[0]
    assert {name for name, column in columns.items() if column.nullable} == {"moods", "span"}


def test_nullability_follows_the_statement(described: list[Description]) -> None:
    assert [column.nullable for column in described[1].columns] == [False, True, False]
    assert [column.nullable for column in described[3].columns] == [False, False]
    assert described[3].columns[0].column is None, "a cast is an expression"


def test_an_asterisk_stands_for_the_columns_of_both_sides(described: list[Description]) -> None:
    assert [column.nullable for column in described[2].columns[-2:]] == [True, True]
    assert len(described[2].columns) == 11


def test_what_cannot_be_prepared_says_why(described: list[Description]) -> None:
    assert described[4] == Description((), 'column "nothing" does not exist', offset=len("select "))
