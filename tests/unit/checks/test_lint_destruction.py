"""Statements that destroy something: each named so that a waiver can name it, and what destroys nothing let through."""

from pathlib import Path

import pytest

from clarivum.checks.lint.judgement import DESTRUCTIVE, judge_set
from clarivum.database.migrations.files import discover

BEFORE = (
    "create schema app;\n"
    "create table public.t (id bigint, name varchar(20), price numeric(10,2), at timestamptz, n int);\n"
    "create table public.old (id bigint);\ncreate sequence public.numbers;\ncreate type public.kind as enum ('a');\n"
    "create index t_n_idx on public.t (n);\ncreate view public.v as select 1;\n"
)


def losses(folder: Path, text: str) -> list[str]:
    """What the second of two migrations loses, as its waivers would say."""
    (folder / "20261101000001_before.sql").write_text(BEFORE)
    (folder / "20261101000002_after.sql").write_text(text)
    found = judge_set(discover(folder), {"20261101000002"})
    return [each.subject.removeprefix("20261101000002_after ") for each in found if each.rule == DESTRUCTIVE]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("drop table t", ["drop table public.t"]),
        ("drop table if exists t, public.old cascade", ["drop table public.t", "drop table public.old"]),
        ("drop schema app", ["drop schema app"]),
        ("drop sequence numbers", ["drop sequence public.numbers"]),
        ("drop extension pgmq", ["drop extension pgmq"]),
        ("drop type kind cascade", ["drop type public.kind cascade"]),
        ("drop function f(int) cascade", ["drop function public.f cascade"]),
        ("drop owned by somebody", ["drop owned by somebody"]),
        (
            "alter table t drop column n, drop if exists at",
            ["drop column public.t.n", "drop column public.t.at"],
        ),
        ("alter table t set unlogged", ["set unlogged public.t"]),
        ("truncate t, old", ["truncate public.t", "truncate public.old"]),
        ("delete from t", ["delete from public.t"]),
        ("delete from t where true", ["delete from public.t"]),
        ("delete from t where 1 = 1", ["delete from public.t"]),
        ("delete from t using old", ["delete from public.t"]),
        ("with gone as (delete from t returning *) insert into old select id from gone", ["delete from public.t"]),
        ("do $$ begin if true then drop table t; end if; end $$", ["drop table public.t"]),
        ("do $$ begin execute 'truncate t'; end $$", ["truncate public.t"]),
        (
            "do $$ declare r record; begin for r in delete from t returning n loop end loop; end $$",
            ["delete from public.t"],
        ),
        ("prepare p as delete from t", ["delete from public.t"]),
        ("explain analyze delete from t", ["delete from public.t"]),
        ("alter table t alter column n type bigint", ["alter column type public.t.n"]),
        ("alter table t alter column name type varchar(10)", ["alter column type public.t.name"]),
        ("alter table t alter column name type text using lower(name)", ["alter column type public.t.name"]),
        ("alter table t alter column price type numeric(12,3)", ["alter column type public.t.price"]),
        ("alter table t alter column unheard type text", ["alter column type public.t.unheard"]),
        ("alter table t rename column n to m; alter table t drop column m", ["drop column public.t.m"]),
        ("create table if not exists t (n int); drop table t", ["drop table public.t"]),
    ],
)
def test_a_loss_is_named(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert losses(tmp_path, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "drop index t_n_idx",
        "drop cast (int as text)",
        "drop transform for int language sql",
        "drop trigger x on t; drop user mapping for somebody server s; drop operator class o using btree",
        "drop view v",
        "drop type kind",
        "drop function f(int)",
        "delete from t where id < 100",
        "update t set n = 0",
        "alter table t alter column name type varchar(40)",
        "alter table t alter column name type text",
        "alter table t alter column price type numeric(12,2)",
        "alter table t alter column n type int",
        "alter table t rename column name to title; alter table t alter column title type text",
        "alter table t rename to u; alter table u alter column name type text",
        "create table new (n int); insert into new values (1); truncate new; drop table new",
        "create schema s; create table s.a (n int); drop schema s cascade",
        "create table a (n int); alter table a rename to b; drop table b",
        "alter table t add column extra int; alter table t drop column extra",
        "create table a (n int); alter table a alter column n type text",
        "create function f() returns void language sql as 'delete from t'",
        "create function f() returns void language sql begin atomic delete from t; end",
        "create rule r as on delete to v do instead delete from t",
    ],
)
def test_what_loses_nothing_passes(tmp_path: Path, text: str) -> None:
    assert losses(tmp_path, text) == []


def test_the_finding_says_what_is_lost_and_how_a_waiver_names_it(tmp_path: Path) -> None:
    (tmp_path / "20261101000001_gone.sql").write_text("-- why\n\nalter table public.leads\n    drop column phone;\n")
    (found,) = judge_set(discover(tmp_path))
    assert found.place.statement.line == 3
    assert found.subject == "20261101000001_gone drop column public.leads.phone"
    assert found.message == "drop column public.leads.phone loses its values"
    assert "waivers.toml" in found.fix
