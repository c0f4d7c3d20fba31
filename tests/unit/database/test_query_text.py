"""Reading SQL as far as placeholders, statements and verbs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.database.query_text import QueryTextError, compile_text


@pytest.mark.parametrize(
    ("text", "sql", "parameters"),
    [
        ("select 1", "select 1", ()),
        ("\n  select 1 ;\n", "select 1", ()),
        ("select %(a)s", "select $1", ("a",)),
        ("select %(a)s::uuid, %(b)s::int[], %(a)s", "select $1::uuid, $2::int[], $1", ("a", "b")),
        ("select 5 %% 2, 5 % 3", "select 5 % 2, 5 % 3", ()),
        ("select 'it''s 100%', %(a)s", "select 'it''s 100%', $1", ("a",)),
        ("select e'it\\'s; %', %(a)s", "select e'it\\'s; %', $1", ("a",)),
        ("select 'back\\', %(a)s", "select 'back\\', $1", ("a",)),
        ('select "odd;%(name" from "T%"', 'select "odd;%(name" from "T%"', ()),
        ("select $$ ; ' $$, $t$ $$ ; $t$, %(a)s", "select $$ ; ' $$, $t$ $$ ; $t$, $1", ("a",)),
        ("select 1 -- ; %(a)s '\n + %(b)s", "select 1 -- ; %(a)s '\n + $1", ("b",)),
        ("/* ; ' /* nested %(a)s */ */ select %(b)s", "select $1", ("b",)),
        ("select a::text, b ->> 'k', c @> %(j)s from t", "select a::text, b ->> 'k', c @> $1 from t", ("j",)),
        ("select 1; -- only a comment follows", "select 1", ()),
        ("(select 1) union (select %(a)s)", "(select 1) union (select $1)", ("a",)),
        ("select x.grüße from x", "select x.grüße from x", ()),
    ],
)
def test_placeholders_become_numbers_and_nothing_else_changes(text: str, sql: str, parameters: tuple[str, ...]) -> None:
    compiled = compile_text(text)
    assert (compiled.sql, compiled.parameters) == (sql, parameters)


@pytest.mark.parametrize(
    ("text", "complaint", "offset"),
    [
        ("", "no statement", 0),
        ("-- nothing\n ;", "no statement", 0),
        ("select 1; select 2", "more than one statement", 10),
        ("select $1", r"write %\(name\)s", 7),
        ("select %(a)", r"is written %\(name\)s", 7),
        ("select %(a b)s", r"is written %\(name\)s", 7),
        ("select '%(a)s'", "inside a string", 7),
        ("select $$ %(a)s $$", "inside a string", 7),
        ("select 'open", "unterminated '", 7),
        ('select "open', 'unterminated "', 7),
        ("select /* open /* */", r"unterminated /\*", 7),
        ("begin", "does not start a query", 0),
        ("set role anon", "does not start a query", 0),
        ("do $$ begin end $$", "does not start a query", 0),
        ("select set_config('a', 'b', false)", "session setting", 7),
        ("select set_config('a', coalesce(%(b)s, 'x'), %(c)s)", "session setting", 7),
        ("select pg_catalog.set_config('a', 'b', false)", "session setting", 18),
        ("select pg_try_advisory_lock(1)", "outlives the transaction", 7),
    ],
)
def test_what_is_no_query_is_refused_with_its_place(text: str, complaint: str, offset: int) -> None:
    with pytest.raises(QueryTextError, match=complaint) as refused:
        compile_text(text)
    assert refused.value.offset == offset


@pytest.mark.parametrize(
    ("text", "operation", "collection", "writes"),
    [
        ("select 1", "SELECT", "", False),
        ("select a from public.leads l join b on true", "SELECT", "public.leads", False),
        ('select a from "Odd Schema"."T"', "SELECT", "Odd Schema.T", False),
        ("select extract(year from now()) from t", "SELECT", "t", False),
        ("insert into public.leads (a) values (1)", "INSERT", "public.leads", True),
        ("insert into t (a) values (1) on conflict (a) do update set b = 2", "INSERT", "t", True),
        ("update public.leads set a = 1", "UPDATE", "public.leads", True),
        ("delete from public.leads", "DELETE", "public.leads", True),
        ("merge into t using s on true when matched then delete", "MERGE", "t", True),
        ("with x as (select 1 from a) select * from x", "SELECT", "a", False),
        ("with x as (select 1 from a) insert into b select * from x", "INSERT", "b", True),
        ("with x as (delete from a returning *) select * from x", "DELETE", "a", True),
        ("select * from t for update skip locked", "SELECT", "t", True),
        ("select nextval('s')", "SELECT", "", True),
        ("select * from generate_series(1, 2)", "SELECT", "", False),
        ("values (1), (2)", "VALUES", "", False),
        ("select set_config('a', %(b)s, true)", "SELECT", "", False),
        ("select 'delete', \"update\" from t -- insert", "SELECT", "t", False),
    ],
)
def test_what_telemetry_and_routing_learn(text: str, operation: str, collection: str, writes: bool) -> None:
    compiled = compile_text(text)
    assert (compiled.operation, compiled.collection, compiled.writes) == (operation, collection, writes)


@pytest.mark.parametrize(
    ("text", "cast"),
    [
        ("select %(a)s::jsonb, %(b)s", {"a"}),
        ("select %(a)s :: JSON, cast( %(b)s as jsonb )", {"a", "b"}),
        ("select %(a)s, %(a)s::jsonb", {"a"}),
        ("select %(a)s::jsonb[], cast(%(b)s as json[]), %(c)s::text::jsonb, %(d)s::uuid[]", set()),
        ("select %(a)s::jsonb", {"a"}),
        ("select 1 as jsonb, %(a)s", set()),
        ("select 1 where %(a)s", set()),
    ],
)
def test_parameters_that_the_text_casts_to_json_are_known(text: str, cast: set[str]) -> None:
    assert compile_text(text).json_parameters == cast


@pytest.mark.parametrize("word", ["été", "δ_1", "имя", "表", "_x$1", "ｆ"])
def test_words_may_have_letters_of_any_script(word: str) -> None:
    assert compile_text(f"select {word} from {word}.{word}").collection == f"{word}.{word}"


@given(st.text(alphabet="ab'\"$%()s;-/*\\ \n", max_size=40))
def test_any_text_is_either_compiled_or_refused(text: str) -> None:
    try:
        compiled = compile_text(f"select {text}")
    except QueryTextError:
        return
    assert compiled.sql.startswith("select")
    assert len(set(compiled.parameters)) == len(compiled.parameters)


@given(st.text(alphabet=st.characters(exclude_characters="\0"), max_size=60))
def test_a_quoted_literal_passes_through_unread(text: str) -> None:
    literal = "'" + text.replace("'", "''") + "'"
    if "%(" in text:
        return
    compiled = compile_text(f"select {literal}, %(a)s")
    assert compiled.sql == f"select {literal}, $1"
