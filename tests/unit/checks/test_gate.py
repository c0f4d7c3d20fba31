"""Who touches whose tables, and what lets it pass."""

from pathlib import Path

import pytest

from clarivum.checks.gate import (
    Crossing,
    author_in,
    author_of,
    follow,
    owner_at,
    read_addenda,
    refuse_ungated,
    uncovered,
)
from clarivum.database.migrations.files import Migration, discover, read_migration
from clarivum.errors import Exit, RefusedError

TEAMS = """-- author: membership
create schema vault_of_members;
comment on schema vault_of_members is 'owner: membership. Kept apart.';
create table public.profiles (id uuid primary key, name text, invited_by uuid references public.profiles (id));
comment on table public.profiles is 'owner: membership. Members.';
create index profiles_name_idx on public.profiles (name);
create table vault_of_members.keys (id int primary key);
"""


def written(folder: Path, *texts: str) -> list[Migration]:
    """Migrations of these texts, the teams' tables first."""
    for number, text in enumerate([TEAMS, *texts]):
        (folder / f"2027010100000{number}_change_{number}.sql").write_text(text)
    return discover(folder)


def crossings(folder: Path, *texts: str) -> tuple[Crossing, ...]:
    """What the last of these migrations touches of others."""
    return list(follow(written(folder, *texts)))[-1].crossings


@pytest.mark.parametrize(
    ("statement", "act"),
    [
        ("alter table public.profiles add column note text", "alter table"),
        ("alter table profiles add column note text", "alter table"),
        ("alter table public.profiles rename column name to title", "rename"),
        ("alter table public.profiles set schema archive", "set schema"),
        ("alter table public.profiles owner to somebody", "alter table"),
        ("drop table public.profiles", "drop table"),
        ("drop table if exists public.profiles cascade", "drop table"),
        ("create index concurrently profiles_x on public.profiles (name)", "create index"),
        ("drop index public.profiles_name_idx", "drop index"),
        ("alter index public.profiles_name_idx rename to other", "rename"),
        ("reindex index public.profiles_name_idx", "reindex"),
        ("create policy p on public.profiles for select using (true)", "create policy"),
        ("alter policy p on public.profiles using (false)", "alter policy"),
        ("drop policy p on public.profiles", "drop policy"),
        ("grant select on public.profiles to anon", "grant"),
        ("revoke all on public.profiles from authenticated", "revoke"),
        ("grant select on all tables in schema public to anon", "grant"),
        ("create trigger t before update on public.profiles for each row execute function f()", "create trigger"),
        ("drop trigger t on public.profiles", "drop trigger"),
        ("comment on table public.profiles is 'owner: growth. Ours now.'", "comment"),
        ("comment on column public.profiles.name is 'distinct: 4'", "comment"),
        ("insert into public.profiles (id) values (null)", "insert"),
        ("update public.profiles set name = 'x'", "update"),
        ("with gone as (delete from public.profiles returning id) select * from gone", "delete"),
        ("merge into public.profiles p using public.leads l on true when matched then delete", "merge"),
        ("truncate public.profiles", "truncate"),
        ("create table public.notes (id int, by uuid references public.profiles (id))", "foreign key"),
        ("alter table public.leads add foreign key (by) references public.profiles (id)", "foreign key"),
        ("create view public.names as select name from public.profiles", "read by a view"),
        ("create policy p on public.leads using (exists (select from public.profiles))", "read by a policy"),
        ("do $$ begin update public.profiles set name = null; end $$", "update"),
        ("do $$ begin alter table if exists profiles add x int; end $$", "alter table"),
        ("do $$ begin if true then drop table if exists profiles; end if; end $$", "drop table"),
        ("do $$ begin delete from only profiles; end $$", "delete"),
        ("do $$ begin truncate leads, profiles; end $$", "truncate"),
        ("do $$ declare r record; begin for r in delete from profiles returning * loop end loop; end $$", "delete"),
        ("do $$ begin execute 'alter table profiles add x int'; end $$", "alter table"),
        ("do $$ begin execute 'do $a$ begin drop table profiles; end $a$'; end $$", "drop table"),
        ("do $$ begin execute format('alter table public.profiles add %I int', 'x'); end $$", "named in a block"),
        ("do $$ begin execute 'truncate leads, profiles' || ' cascade'; end $$", "named in a block"),
        ("do language plpython3u $$ plpy.execute('drop table public.profiles') $$", "named in a block"),
        (
            "insert into public.leads with gone as (delete from public.profiles returning id) select id from gone",
            "delete",
        ),
        ("explain analyze delete from public.profiles", "delete"),
        ("prepare p as delete from public.profiles", "delete"),
        ("create table kept as with gone as (delete from profiles returning id) select id from gone", "delete"),
        ("create function f() returns void language sql as $$ truncate leads, only profiles $$", "named in a function"),
        ("create function f() returns void language sql as 'delete from PROFILES'", "named in a function"),
        (
            "create function f() returns void language sql as $$ delete from public.profiles $$",
            "named in a function",
        ),
        ("lock table public.profiles", "lock table"),
        ("vacuum full public.profiles", "vacuum"),
    ],
)
def test_touching_another_team_s_table_is_seen(tmp_path: Path, statement: str, act: str) -> None:
    growth = "-- author: growth\ncreate table public.leads (id uuid primary key, by uuid);"
    (found,) = crossings(tmp_path, growth, f"-- author: growth\n\n{statement};")
    assert (found.object, found.owner, found.acts, found.line) == ("public.profiles", "membership", (act,), 3)


@pytest.mark.parametrize(
    "statement",
    [
        "alter table public.leads add column note text",
        "insert into public.leads (id) select id from public.profiles",
        "create table public.other (id int); alter table public.other add x int; grant select on public.other to anon",
        "select name from public.profiles",
        "create table public.profile_notes (id int)",
        "create table public.copies (like public.profiles including all)",
        "do $$ begin if exists (select from public.profiles) then update leads set by = null; end if; end $$",
        "create function f() returns void language sql as 'select 1 as x from vault_of_others.profiles'",
        'create function f() returns void language sql as $$ delete from "PROFILES" $$',
        "do $$ begin perform public.profiles_of(1); end $$",
        "create function public.f() returns int language sql as 'select 1'",
        "grant usage on schema public to anon",
    ],
)
def test_own_tables_and_mere_reading_are_free(tmp_path: Path, statement: str) -> None:
    growth = "-- author: growth\ncreate table public.leads (id uuid primary key);"
    assert crossings(tmp_path, growth, f"-- author: growth\n{statement};") == ()


@pytest.mark.parametrize(
    ("statement", "act"),
    [
        ('do $$ begin update public."Members" set name = null; end $$', "update"),
        ("""do $$ begin execute 'update "Members"' || ' set name = null'; end $$""", "named in a block"),
        ('create function f() returns void language sql as $$ delete from public."Members" $$', "named in a function"),
        ('create function f() returns void language sql as $$ delete from "Members" $$', "named in a function"),
    ],
)
def test_a_quoted_name_keeps_its_case(tmp_path: Path, statement: str, act: str) -> None:
    table = '-- author: membership\ncreate table public."Members" (id int, name text);'
    (found,) = crossings(tmp_path, table, f"-- author: growth\n{statement};")
    assert (found.object, found.acts) == ("public.Members", (act,))


def test_what_a_block_makes_is_its_migration_s_own(tmp_path: Path) -> None:
    text = "-- author: growth\ndo $$ begin create table public.own (id int); end $$;\nalter table public.own add x int;"
    assert crossings(tmp_path, text) == ()
    assert crossings(tmp_path, text, "-- author: membership\ndrop table public.own;") != ()


def test_an_object_in_another_team_s_schema_is_that_team_s(tmp_path: Path) -> None:
    text = "-- author: growth\ncreate function vault_of_members.f() returns int language sql as 'select 1';"
    (found,) = crossings(tmp_path, text)
    assert (found.object, found.owner, found.acts) == ("vault_of_members.f", "membership", ("create function",))


def test_dropping_a_schema_touches_what_is_in_it(tmp_path: Path) -> None:
    found = crossings(tmp_path, "-- author: growth\ndrop schema vault_of_members cascade;")
    assert {each.object for each in found} == {"vault_of_members", "vault_of_members.keys"}


def test_a_table_that_changed_hands_belongs_to_its_new_owner(tmp_path: Path) -> None:
    given = "-- author: membership\ncomment on table public.profiles is 'owner: growth. Given away.';"
    assert crossings(tmp_path, given, "-- author: growth\nalter table public.profiles add x int;") == ()
    taken = "-- author: growth\ncomment on table public.profiles is 'owner: growth. Taken.';"
    assert crossings(tmp_path, taken, "-- author: growth\nalter table public.profiles add x int;") == ()
    assert list(follow(discover(tmp_path)))[1].crossings != ()


def test_a_renamed_table_keeps_its_owner(tmp_path: Path) -> None:
    renamed = "-- author: membership\nalter table public.profiles rename to members;"
    (found,) = crossings(tmp_path, renamed, "-- author: growth\nalter table public.members add x int;")
    assert found.owner == "membership"


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("-- author: growth\nselect 1;", "growth"),
        ("-- What it does.\n--   author:  growth \n\nselect 1;", "growth"),
        ("select 1; -- author: growth", ""),
        ("select '\n-- author: growth\n';", ""),
        ("-- the author: growth\nselect 1;", ""),
        ("-- author: growth\n", ""),
    ],
)
def test_the_author_stands_in_the_leading_comments(tmp_path: Path, text: str, author: str) -> None:
    path = tmp_path / "20270101000000_x.sql"
    path.write_text(text)
    assert author_of(read_migration(path)) == author


@pytest.mark.parametrize(
    ("text", "author"),
    [
        ("-- Why.\n\n-- author: growth\ncreate tabel x;", "growth"),
        ("create tabel x;\n-- author: growth", ""),
        ("", ""),
    ],
)
def test_the_author_of_a_file_that_does_not_parse(text: str, author: str) -> None:
    assert author_in(text) == author


def test_the_owner_of_what_a_line_touches(tmp_path: Path) -> None:
    migrations = written(tmp_path, "select 1;\nalter table public.profiles add column name text;")
    readings = list(follow(migrations))
    assert owner_at(readings, migrations[-1].path, 2) == "membership"
    assert owner_at(readings, migrations[-1].path, 1) == ""
    assert owner_at(readings, migrations[0].path, 2) == ""


CROSSING = "-- author: growth\nalter table public.profiles add column note text;\ndrop table vault_of_members.keys;"
STEM = "20270101000001_change_1"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"# Addendum\n{STEM} changes `public.profiles` and vault_of_members.keys.", []),
        (f"# ADR-9\n\n## Addendum: notes\n{STEM}.sql: public.profiles, vault_of_members.keys", []),
        (f"# Addendum\n{STEM} changes `public.profiles`.", ["vault_of_members.keys"]),
        (f"# Addendum\n{STEM}0 changes public.profiles", ["public.profiles", "vault_of_members.keys"]),
        (f"# Addendum\n{STEM} changes public.profiles_old, public.profiles.name, vault_of_members.keys",
         ["public.profiles"]),
        (f"# ADR-9\n{STEM} public.profiles vault_of_members.keys", ["public.profiles", "vault_of_members.keys"]),
        (f"{STEM} public.profiles vault_of_members.keys\n# Addendum",
         ["public.profiles", "vault_of_members.keys"]),
    ],
)  # fmt: skip
def test_an_addendum_names_the_migration_and_every_object(tmp_path: Path, text: str, left: list[str]) -> None:
    (tmp_path / "docs" / "adr").mkdir(parents=True)
    (tmp_path / "docs" / "adr" / "0009-x.md").write_text(text)
    reading = list(follow(written(tmp_path, CROSSING)))[-1]
    assert [each.object for each in uncovered(reading.migration, reading.crossings, read_addenda(tmp_path))] == left


def test_the_gate_refuses_pending_migrations_alone(tmp_path: Path) -> None:
    folder = tmp_path / "supabase" / "migrations"
    folder.mkdir(parents=True)
    migrations = written(folder, CROSSING)
    refuse_ungated(migrations[:1], tmp_path)
    refuse_ungated([], tmp_path)
    with pytest.raises(RefusedError) as caught:
        refuse_ungated(migrations[1:], tmp_path)
    assert caught.value.code.exit is Exit.REFUSED
    assert caught.value.detail == (
        f"supabase/migrations/{STEM}.sql:2: touches public.profiles of membership (alter table), "
        "vault_of_members.keys of membership (drop table); its author is growth, "
        f"and no addendum in docs/adr names {STEM}"
    )


def test_a_migration_without_author_may_touch_nobody_s_table(tmp_path: Path) -> None:
    refuse_ungated(written(tmp_path, "create table public.own (id int);")[-1:], tmp_path)
    with pytest.raises(RefusedError, match="it declares no author"):
        refuse_ungated(written(tmp_path, "drop table public.profiles;")[-1:], tmp_path)
