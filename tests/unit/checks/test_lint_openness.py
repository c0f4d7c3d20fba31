"""What a set of migrations leaves open, read from the files: found where it is, and nowhere else."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from clarivum.checks.lint.judgement import Defect, judge_set
from clarivum.database.migrations.files import Migration, discover

ROOT = Path(__file__).resolve().parents[3]
SECURED = (
    "create table public.t (id bigint primary key);\n"
    "alter table public.t enable row level security;\nalter table public.t force row level security;\n"
    "create policy t_read on public.t for select to authenticated using (true);\n"
)
RLS, FORCE, POLICY = "database/table-without-rls", "database/table-without-force", "database/table-without-policy"
VIEW, DEFINER, MATERIALIZED = (
    "database/view-without-invoker",
    "database/definer-without-search-path",
    "database/materialized-view-exposed",
)
FUNCTION = "create function public.f(a int, b text[]) returns int language sql security definer{} as 'select 1';\n"


def written(folder: Path, texts: Sequence[str]) -> list[Migration]:
    for number, text in enumerate(texts, 1):
        (folder / f"{20261101000000 + number}_m{number}.sql").write_text(text)
    return discover(folder)


def judged(folder: Path, *texts: str) -> tuple[Defect, ...]:
    return judge_set(written(folder, texts))


def told(defects: Sequence[Defect]) -> list[tuple[str, str, int]]:
    return [(each.rule, each.subject, each.place.statement.line) for each in defects]


def test_our_own_migrations_leave_nothing_open_and_destroy_nothing() -> None:
    assert judge_set(discover(ROOT / "supabase" / "migrations")) == ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("create table t (n int)", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        (SECURED, []),
        (SECURED.replace("alter table public.t force row level security;\n", ""), [(FORCE, 1)]),
        (SECURED.replace("create policy t_read", "create policy t_read").partition("create policy")[0], [(POLICY, 1)]),
        (SECURED + "alter table t disable row level security;", [(RLS, 5)]),
        (SECURED + "alter table t no force row level security;", [(FORCE, 5)]),
        (SECURED + "drop policy t_read on t;", [(POLICY, 5)]),
        (SECURED + "drop policy t_read on t; create policy x on t for select using (true);", []),
        (SECURED + "alter policy t_read on t rename to t_see; drop policy t_see on t;", [(POLICY, 5)]),
        ("create table t as select 1 as n", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        ("select 1 as n into t", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        ("create schema public create table t (n int)", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        ("do $$ begin create table t (n int); end $$", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        ("do $$ begin execute 'create table public.t (n int)'; end $$", [(FORCE, 1), (POLICY, 1), (RLS, 1)]),
        (SECURED.replace("alter", "do $$ begin alter", 1).replace(";\ncreate p", "; end $$;\ncreate p"), []),
        ("create table t (n int); drop table t;", []),
        ("create schema s; create table s.t (n int); drop schema s cascade;", []),
        ("create temporary table t (n int);", []),
        ("create table auth.t (n int); create view storage.v as select 1;", []),
        ("create function f() returns void language plpgsql as $$ begin create table t (n int); end $$;", []),
    ],
)
def test_a_table_needs_row_level_security_forced_and_a_policy(
    tmp_path: Path, text: str, expected: list[tuple[str, int]]
) -> None:
    assert told(judged(tmp_path, text)) == [(rule, "public.t", line) for rule, line in expected]


def test_what_a_later_file_of_the_set_secures_is_fine_and_what_it_opens_is_not(tmp_path: Path) -> None:
    create, _, secure = SECURED.partition("\n")
    assert judged(tmp_path, create, secure) == ()
    (opened,) = judged(tmp_path, create, secure, "-- why\nalter table t disable row level security;")
    assert (opened.rule, opened.place.migration.name, opened.place.statement.line) == (RLS, "m3", 2)


def test_only_wanted_migrations_are_told_of_against_what_the_others_left(tmp_path: Path) -> None:
    migrations = written(tmp_path, ["create table public.old (n int)", SECURED, "drop policy t_read on public.t"])
    (defect,) = judge_set(migrations, {migrations[2].version})
    assert (defect.rule, defect.subject) == (POLICY, "public.t")


def test_a_partition_is_secured_but_has_its_policies_from_its_table(tmp_path: Path) -> None:
    whole = SECURED.replace("(id bigint primary key)", "(id bigint) partition by list (id)")
    open_part = "create table public.p partition of public.t for values in (1);\n"
    assert [each.rule for each in judged(tmp_path, whole, open_part)] == [FORCE, RLS]
    secured_part = open_part + "alter table public.p enable row level security, force row level security;"
    assert judged(tmp_path, whole, secured_part) == ()
    (left,) = judged(tmp_path, whole, secured_part, "alter table public.t detach partition public.p")
    assert (left.rule, left.subject) == (POLICY, "public.p")


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("create view v as select 1", False),
        ("create view v with (security_invoker) as select 1", True),
        ("create view v with (security_invoker = true) as select 1", True),
        ("create view v with (security_invoker = on, security_barrier) as select 1", True),
        ("create view v with (security_invoker = off) as select 1", False),
        ("create view v with (security_barrier) as select 1", False),
        ("create recursive view v (n) as select 1", False),
        ("create view v as select 1; alter view v set (security_invoker = true)", True),
        ("create view v with (security_invoker) as select 1; alter view v reset (security_invoker)", False),
        ("create view v with (security_invoker) as select 1; create or replace view v as select 1", False),
        ("create view w as select 1; alter view w rename to v", False),
        ("create view v as select 1; drop view v", True),
        ("create temp view v as select 1", True),
    ],
)
def test_a_view_reads_as_its_caller(tmp_path: Path, text: str, safe: bool) -> None:
    assert [(each.rule, each.subject) for each in judged(tmp_path, text)] == ([] if safe else [(VIEW, "public.v")])


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        (FUNCTION.format(""), False),
        (FUNCTION.format(" set search_path = ''"), True),
        (FUNCTION.format(" set search_path from current"), True),
        (FUNCTION.format(" set work_mem = '1MB'"), False),
        (FUNCTION.format("").replace("security definer", "security invoker"), True),
        (FUNCTION.format("") + "alter function public.f(int, text[]) set search_path = '';", True),
        (FUNCTION.format("") + "alter function f set search_path = '';", True),
        (FUNCTION.format("") + "alter function f(int) set search_path = '';", False),
        (FUNCTION.format("") + "alter function f security invoker;", True),
        (FUNCTION.format(" set search_path = ''") + "alter function f(int, text[]) reset search_path;", False),
        (FUNCTION.format(" set search_path = ''") + "alter function f reset all;", False),
        (FUNCTION.format("") + "drop function f(int, text[]);", True),
    ],
)
def test_a_definer_has_a_search_path(tmp_path: Path, text: str, safe: bool) -> None:
    found = [(each.rule, each.subject) for each in judged(tmp_path, text)]
    assert found == ([] if safe else [(DEFINER, "public.f(integer, text[])")])


@pytest.mark.parametrize(
    ("text", "exposed"),
    [
        ("", False),
        ("grant select on m to service_role", False),
        ("grant insert on m to anon", False),
        ("grant select on m to anon", True),
        ("grant all on m to authenticated", True),
        ("grant select on m to public", True),
        ("grant select on all tables in schema public to anon", True),
        ("grant select on all tables in schema other to anon", False),
        ("grant select on m to anon; revoke all on m from anon", False),
    ],
)
def test_a_materialized_view_is_not_for_callers(tmp_path: Path, text: str, exposed: bool) -> None:
    found = judged(tmp_path, f"create materialized view m as select 1;\n{text};")
    assert [(each.rule, each.subject) for each in found] == ([(MATERIALIZED, "public.m")] if exposed else [])


def test_default_privileges_expose_what_is_made_after_them(tmp_path: Path) -> None:
    default = "alter default privileges in schema public grant select on tables to anon;"
    assert judged(tmp_path, "create materialized view m as select 1;", default) == ()
    (found,) = judged(tmp_path, default, "create materialized view m as select 1;")
    assert found.rule == MATERIALIZED
