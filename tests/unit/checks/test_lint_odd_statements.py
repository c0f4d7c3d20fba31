"""Every judgement reads every kind of statement: what it has nothing to say about passes, and none is stumbled over."""

from pathlib import Path

import pytest

from clarivum.checks.gate import follow
from clarivum.checks.lint.judgement import judge_set
from clarivum.database.migrations.files import discover

ODD = (
    "drop cast (int as text)",
    "drop transform for int language sql",
    "drop user mapping for somebody server s",
    "drop operator class o using btree",
    "drop operator family f using btree",
    "drop event trigger x",
    "drop server s cascade",
    "drop text search configuration c cascade",
    "drop statistics s",
    "drop aggregate f(*)",
    "drop procedure p(int, out text)",
    "drop publication p",
    "drop role x",
    "alter default privileges grant execute on functions to anon",
    "alter default privileges for role postgres revoke all on tables from anon",
    "grant all on large object 1 to anon",
    "grant usage on schema public to anon, authenticated",
    "grant anon to authenticated",
    "alter table all in tablespace a set tablespace b",
    "alter table only x alter column a set default 1",
    "alter table t attach partition p default",
    "alter table t detach partition p finalize",
    "alter table t of typ",
    "alter schema a rename to b",
    "alter extension x add table t",
    "alter domain d drop constraint c",
    "alter function f(int) rename to g",
    "alter routine p set search_path = ''",
    "alter procedure absent security definer",
    "create temp table c (like t including all)",
    "create aggregate ag(int) (sfunc = int4pl, stype = int)",
    "create foreign table ft (a int) server s",
    "create schema authorization anon",
    "create rule r as on insert to t do also (delete from u; insert into v values (1))",
    'create policy p on "Weird Name"."Table.X"',
    "create type y as range (subtype = int)",
    "create cast (int as text) without function",
    "create function f(a public.t, b t.x%type, c setof int) returns setof public.t language sql as ''",
    "create function f() returns table (a int) language sql begin atomic; select 1; end",
    "create procedure p() language sql security definer set search_path to public, pg_temp as ''",
    "do language plv8 'x'",
    "do $$ this is not plpgsql $$",
    "do $$ begin execute 'select ' || 1; execute format('drop table %I', 'a'); execute 'not sql'; end $$",
    "prepare x as select 1",
    "declare c cursor for select 1",
    "copy t from '/tmp/x'",
    "import foreign schema a from server s into b",
    "security label on table t is 'x'",
    "refresh materialized view m",
    "values (1)",
)


@pytest.mark.parametrize("text", ODD)
def test_no_statement_is_stumbled_over(tmp_path: Path, text: str) -> None:
    (tmp_path / "20261101000001_odd.sql").write_text(text)
    migrations = discover(tmp_path)
    assert judge_set(migrations) == ()
    (reading,) = follow(migrations)
    assert len(reading.lockings) == 1
