"""What the rules on expressions read in them: casts of settings, state of the session, who is asking."""

import pytest

from clarivum.checks.function_body import parse, read_body
from clarivum.checks.rules.database.callers import Callers
from clarivum.checks.rules.database.definer_without_search_path import unsafe
from clarivum.checks.rules.database.session_state import left_behind
from clarivum.checks.rules.database.setting_cast_without_nullif import unguarded_casts
from clarivum.database.planning import Column, Function, Table


@pytest.mark.parametrize(
    ("expression", "kind"),
    [
        ("current_setting('request.jwt.claims', true)::json", "json"),
        ("(current_setting('request.jwt.claims', true)::jsonb ->> 'sub')", "jsonb"),
        ("cast(current_setting('app.tenant') as uuid)", "uuid"),
        ("coalesce(current_setting('app.x', true), '0')::int", "int4"),
        ("(select current_setting('app.x', true))::int", "int4"),
        ("current_setting('app.x', true)::text::int", "int4"),
        ("trim(current_setting('app.x', true))::int", "int4"),
        ("nullif(current_setting('app.x', true), 'none')::int", "int4"),
        ("jsonb(current_setting('app.x', true))", "jsonb"),
        ("current_setting('app.x', true)::text[]", "text"),
        ("x = any (current_setting('app.x', true)::uuid[])", "uuid"),
        ("case when a then current_setting('app.x', true)::int end", "int4"),
    ],
)
def test_a_cast_of_a_setting_that_may_be_empty(expression: str, kind: str) -> None:
    assert [found for _, found in unguarded_casts(parse(f"select {expression}"))] == [kind]


@pytest.mark.parametrize(
    "expression",
    [
        "nullif(current_setting('request.jwt.claims', true), '')::json",
        "nullif(current_setting('request.jwt.claims'::text, true), ''::text)::jsonb ->> 'sub'",
        "coalesce(nullif(current_setting('app.x', true), ''), '0')::int",
        "current_setting('app.x', true)",
        "current_setting('app.x', true)::text",
        "case when current_setting('app.x', true) <> '' then current_setting('app.x', true)::int end",
        "current_setting('app.x', true) = '5'::text",
        "length(current_setting('app.x', true))::bigint",
        "'current_setting(''x'')::json'",
    ],
)
def test_a_cast_that_cannot_fail(expression: str) -> None:
    assert list(unguarded_casts(parse(f"select {expression}"))) == []


def body(text: str, result: str = "") -> tuple[object, ...]:
    """The statements of a whole function, or of one in PL/pgSQL with this body."""
    returns = "trigger" if "new." in text else "setof int" if "return query" in text else result or "void"
    written = f"create function f() returns {returns} language plpgsql as $f${text}$f$"
    read = read_body(text if text.startswith("create") else written, result)
    assert read.unreadable == ""
    return read.statements


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("declare c jsonb := current_setting('x', true); begin null; end", ""),
        ("declare c uuid; begin c := current_setting('x', true); end", ""),
        ("declare c int; begin select current_setting('x', true) into c; end", ""),
        ("begin return current_setting('x', true); end", "uuid"),
        ("begin if current_setting('x', true)::int > 1 then null; end if; end", ""),
        ("begin execute 'select current_setting(''x'')::int'; end", ""),
        ("begin return query execute 'select current_setting(''x'')::int'; end", ""),
        ("declare a int; begin for a in select current_setting('x', true)::int loop null; end loop; end", ""),
        ("declare a int; begin for a in execute 'select current_setting(''x'')::int' loop null; end loop; end", ""),
        ("begin new.x := current_setting('x', true)::int; end", ""),
        ("create function f() returns int return current_setting('x')::int", ""),
        ("create function f() returns int begin atomic select 1; select current_setting('x')::int; end", ""),
        ("create function f() returns int language sql as 'select current_setting(''x'')::int'", ""),
    ],
)
def test_casts_inside_functions_also_those_that_are_not_written(text: str, result: str) -> None:
    assert len(list(unguarded_casts(body(text, result)))) == 1


def test_what_cannot_be_read_in_a_function_is_said() -> None:
    read = read_body("create function f() returns void language plpgsql as $$ begin perform 1 +; select 2; end $$")
    assert "syntax error" in read.unreadable


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("select set_config('a', 'b', false)", "calls set_config()"),
        ("select set_config('a', 'b', $1)", "calls set_config()"),
        ("set work_mem = '1MB'", "runs SET work_mem"),
        ("set session characteristics as transaction read only", "runs SET"),
        ("select pg_catalog.pg_try_advisory_lock(1)", "takes a lock of the session"),
        ("create temp table t (a int)", "makes the temporary t"),
        ("create temp table t on commit delete rows as select 1", "makes the temporary t"),
        ("select 1 as a into temp t", "makes the temporary t"),
        ("create temp view t as select 1", "makes the temporary t"),
        ("prepare p as select 1", "runs PREPARE p"),
        ("listen c", "runs LISTEN c"),
        ("declare c cursor with hold for select 1", "declares the cursor c"),
    ],
)
def test_what_outlives_a_transaction(statement: str, what: str) -> None:
    ((found, _),) = left_behind(parse(statement))
    assert found.startswith(what)


@pytest.mark.parametrize(
    "statement",
    [
        "select set_config('a', 'b', true)",
        "set local role anon",
        "set transaction read only",
        "reset role",
        "select pg_advisory_xact_lock(1), pg_try_advisory_xact_lock(2)",
        "create temp table t on commit drop as select 1",
        "create table t (a int)",
        "declare c cursor for select 1",
        "notify c",
    ],
)
def test_what_does_not(statement: str) -> None:
    assert list(left_behind(parse(statement))) == []


@pytest.mark.parametrize(
    ("search_path", "said"),
    [
        (None, "caller's search_path"),
        ('"$user", public', "$user"),
        ("public", "does not end in pg_temp"),
        ("shared, pg_temp", "others may create in shared"),
        ("pg_temp, public", "does not end in pg_temp"),
        ('"", public, pg_temp', ""),
        ("public, pg_temp", ""),
        ("pg_catalog, pg_temp", ""),
        ("pg_catalog", ""),
        ('""', ""),
    ],
)
def test_a_search_path(search_path: str | None, said: str) -> None:
    danger = unsafe(search_path, frozenset({"shared"}))
    assert said in danger
    assert bool(danger) == bool(said)


def table(*columns: str) -> Table:
    return Table(
        schema="public", name="notes", oid=1, kind="r", comment="", row_security=True, forced=True,
        columns=tuple(Column(number, name, "text", -1, True, "", 0) for number, name in enumerate(columns, 1)),
        checks=(), policies=(), grants=(), indexes=(), foreign_keys=(),
    )  # fmt: skip


def function(name: str, text: str) -> Function:
    return Function(
        name=f"app.{name}", arguments="", inputs=0, language="sql", result="text", definer=False, leakproof=False,
        owner="postgres", owner_power="", open_to_public=False, search_path="", comment="",
        definition=f"create function app.{name}() returns text language sql as $$ {text} $$",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("condition", "columns"),
    [
        ("owner = (select auth.jwt() ->> 'sub')", {"owner"}),
        ("(( SELECT (auth.jwt() ->> 'sub'::text)) = owner)", {"owner"}),
        ("owner::text = auth.uid()::text", {"owner"}),
        ("org in (select m.org from members m where m.subject = clarivum.subject())", {"org"}),
        ("org = any (array(select m.org from members m where m.subject = auth.uid()))", {"org"}),
        ("exists (select from members m where m.org = notes.org and m.subject = auth.uid())", {"org"}),
        ("deleted is null and (owner = app.me() or org = app.mine())", {"owner", "org"}),
        ("owner = current_user", {"owner"}),
        ("status = 'open'", set()),
        ("(select clarivum.has_any_role('{admin}')) and deleted is null", set()),
        ("org in (select m.org from members m where m.open)", set()),
    ],
)
def test_the_columns_that_tell_members_apart(condition: str, columns: set[str]) -> None:
    callers = Callers([function("me", "select auth.jwt() ->> 'sub'"), function("mine", "select app.me()")])
    assert callers.compared(condition, table("owner", "org", "status", "deleted")) == columns
