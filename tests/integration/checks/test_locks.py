"""The table of locks against a server: each statement is run in a transaction, and pg_locks says what it took.

Whether a statement wrote the table anew is seen from its file: a rewrite gives it another one.
"""

import psycopg
import pytest
from pglast import parse_sql

from clarivum.checks.gate.ownership import Ownership
from clarivum.checks.statements import Duration, Mode, Names, joined, locks_of, statements_within
from clarivum.checks.statements.column_types import ColumnTypes
from clarivum.checks.statements.locks import ON_PARTITIONS
from clarivum.testing.postgres import DatabaseUrls

SCHEMA = """
create table public.parent (id bigint primary key, name text, note text, at timestamptz, n int);
alter table public.parent add constraint parent_n_check check (n > 0) not valid;
create index parent_name_idx on public.parent (name);
create table public.child (id bigint primary key, parent_id bigint, name text);
alter table public.child add constraint child_later foreign key (parent_id) references public.parent (id) not valid;
create table public.parted (id bigint, at date) partition by range (at);
create table public.part (id bigint, at date);
create table public.base (id bigint);
create function public.stamp() returns trigger language plpgsql as $$ begin return new; end $$;
create trigger child_stamp before update on public.child for each row execute function public.stamp();
create policy parent_read on public.parent for select using (true);
create materialized view public.summary as select name from public.parent;
create unique index summary_name_idx on public.summary (name);
create table public.base_key (id bigint primary key);
create table public.typed (id bigint, short varchar(20), price numeric(10,2), at timestamp(3));
create schema archive;
insert into public.parent (id, name) values (1, 'a');
insert into public.child (id, parent_id) values (1, 1);
"""
TYPES = ColumnTypes()
for each in parse_sql(SCHEMA):
    TYPES.follow(each.stmt)
NAMES = Names(
    types=TYPES,
    tables={f"public.{name}" for name in ("parent", "child", "parted", "part", "base", "summary", "typed")},
    indexes={"public.parent_name_idx": "public.parent"},
    foreign_keys={("public.child", "child_later"): "public.parent"},
)
STATEMENTS = """
create table public.other (id bigint primary key, parent_id bigint references public.parent (id))
create table public.other (id bigint, parent_id bigint, foreign key (parent_id) references public.parent (id))
create table public.part_2027 partition of public.parted for values from ('2027-01-01') to ('2028-01-01')
create table public.heir () inherits (public.base)
alter table public.parent add column extra text
alter table public.parent add column extra text not null default 'x'
alter table public.parent add column extra timestamptz not null default now()
alter table public.parent add column extra uuid default gen_random_uuid()
alter table public.parent add column extra bigint generated always as identity
alter table public.parent add column extra text generated always as (lower(name)) stored
alter table public.parent add column extra bigserial
alter table public.parent add column extra bigint references public.base_key (id)
alter table public.parent drop column note
alter table public.parent alter column n type bigint
alter table public.typed alter column short type text
alter table public.typed alter column short type varchar(30)
alter table public.typed alter column short type varchar(10)
alter table public.typed alter column short type text using lower(short)
alter table public.typed alter column price type numeric(12,2)
alter table public.typed alter column price type numeric(12,3)
alter table public.typed alter column at type timestamp
alter table public.parent alter column name set not null
alter table public.parent alter column name drop not null
alter table public.parent alter column name set default 'x'
alter table public.parent alter column name set statistics 500
alter table public.parent alter column name set (n_distinct = 100)
alter table public.parent alter column name set storage external
alter table public.parent add constraint named check (name <> '')
alter table public.parent add constraint named check (name <> '') not valid
alter table public.parent validate constraint parent_n_check
alter table public.parent add constraint named unique (name)
alter table public.child add constraint named foreign key (parent_id) references public.parent (id)
alter table public.child add constraint named foreign key (parent_id) references public.parent (id) not valid
alter table public.child validate constraint child_later
alter table public.parent drop constraint parent_n_check
alter table public.child drop constraint child_later
alter table public.child disable trigger child_stamp
alter table public.child enable trigger all
alter table public.parent enable row level security
alter table public.parent force row level security
alter table public.parent set (fillfactor = 90)
alter table public.parent set (autovacuum_vacuum_scale_factor = 0.01)
alter table public.parent replica identity full
alter table public.child set unlogged
alter table public.parted attach partition public.part for values from ('2026-01-01') to ('2027-01-01')
alter table public.parent rename to renamed
alter table public.parent rename column name to title
alter table public.parent set schema archive
create index named on public.parent (name)
drop index public.parent_name_idx
alter index public.parent_name_idx rename to named
create trigger named before insert on public.parent for each row execute function public.stamp()
drop trigger child_stamp on public.child
create policy named on public.parent for insert with check (true)
alter policy parent_read on public.parent using (false)
drop policy parent_read on public.parent
create rule named as on insert to public.base do nothing
create view public.named as select name from public.parent
create statistics named on name, note from public.parent
comment on table public.parent is 'x'
comment on column public.parent.name is 'x'
grant select on public.parent to public
revoke select on public.parent from public
truncate public.base
insert into public.child (id) values (7)
insert into public.child (id) select id + 7 from public.parent
update public.parent set name = 'b'
delete from public.child
merge into public.parent p using public.child c on p.id = c.id when matched then update set name = 'c'
select name from public.parent
lock table public.parent in share mode
cluster public.parent using parent_name_idx
reindex table public.parent
reindex index public.parent_name_idx
refresh materialized view public.summary
refresh materialized view concurrently public.summary
drop table public.child
do $$ begin if true then alter table if exists public.parent add column extra text; end if; end $$
do $$ declare r record; begin for r in delete from only public.child returning id loop end loop; end $$
do $$ begin execute 'truncate public.base'; execute 'create index named on public.parent (name)'; end $$
explain analyze delete from public.child
prepare named as delete from public.child
with gone as (delete from public.child returning id) insert into public.base select id from gone
create table public.other as select * from public.parent
create table public.other (like public.parent including all)
""".strip().splitlines()
TABLES = """
    select c.oid, n.nspname || '.' || c.relname, pg_relation_filenode(c.oid) from pg_class c
    join pg_namespace n on n.oid = c.relnamespace where n.nspname = 'public' and c.relkind in ('r', 'p', 'm')"""
HELD = """
    select relation, array_agg(mode) from pg_locks
    where pid = pg_backend_pid() and granted and relation = any (%s) group by 1"""
FILES = "select oid, pg_relation_filenode(oid) from pg_class where oid = any (%s)"
MODES = {"".join(word.capitalize() for word in str(mode).split()) + "Lock": mode for mode in Mode}


def seen(connection: psycopg.Connection, statement: str) -> tuple[dict[str, Mode], set[str]]:
    """The strongest lock on each table that stood before, if it can stop anybody, and the tables written anew."""
    with connection.transaction(force_rollback=True):
        before = {oid: (name, file) for oid, name, file in connection.execute(TABLES)}
        connection.execute(statement.encode())
        held = connection.execute(HELD, [list(before)]).fetchall()
        files = connection.execute(FILES, [list(before)]).fetchall()
    strongest = {before[oid][0]: max(MODES[mode] for mode in modes) for oid, modes in held}
    locks = {table: mode for table, mode in strongest.items() if mode >= Mode.ROW_EXCLUSIVE}
    return locks, {before[oid][0] for oid, file in files if file != before[oid][1]}


PARTITIONED = "create table public.whole (id bigint, at date) partition by range (at);"
REFUSED = """
create index concurrently named on public.whole (at)
alter table public.whole add constraint named foreign key (id) references public.base_key (id) not valid
alter table public.whole add constraint named unique using index whole_at_idx
drop index concurrently public.whole_at_idx
""".strip().splitlines()
TAKEN = """
create index named on public.whole (at)
alter table public.whole add constraint named foreign key (id) references public.base_key (id)
alter table public.whole add constraint named unique (id, at)
drop index public.whole_at_idx
""".strip().splitlines()


@pytest.mark.parametrize("postgres_version", [16])
def test_no_way_is_advised_that_partitioned_tables_lack(empty_database_urls: DatabaseUrls) -> None:
    """16 refuses each of the gentler forms (18 takes the second); the plain one is taken, and told without them."""
    setup = f"{PARTITIONED}create unique index whole_at_idx on public.whole (at, id);"
    names = Ownership()
    for raw in parse_sql(setup):
        names.follow(raw.stmt, "growth")
    with psycopg.connect(empty_database_urls.admin, autocommit=True) as connection:
        connection.execute(f"create table public.base_key (id bigint primary key);{setup}".encode())
        for gentle, plain in zip(REFUSED, TAKEN, strict=True):
            with pytest.raises(psycopg.Error, match="partitioned"):
                connection.execute(gentle.encode())
            with connection.transaction(force_rollback=True):
                connection.execute(plain.encode())
            told = [lock for lock in locks_of(parse_sql(plain)[0].stmt, names.names) if lock.table == "public.whole"]
            assert [lock.advice in {"", ON_PARTITIONS} for lock in told] == [True], plain


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_each_statement_takes_the_locks_that_the_table_says(empty_database_urls: DatabaseUrls) -> None:
    wrong: list[str] = []
    with psycopg.connect(empty_database_urls.admin, autocommit=True) as connection:
        connection.execute(SCHEMA.encode())
        for statement in STATEMENTS:
            parts = statements_within(parse_sql(statement)[0].stmt)
            said = joined(lock for part in parts for lock in locks_of(part, NAMES))
            modes = {lock.table: lock.mode for lock in said if lock.mode >= Mode.ROW_EXCLUSIVE}
            rewriting = {lock.table for lock in said if lock.duration is Duration.REWRITE}
            held, rewritten = seen(connection, statement)
            # TRUNCATE gives an emptied table a new file; a concurrent refresh changes the rows of the old one.
            same_files = statement.startswith(("truncate", "refresh", "do")) or rewritten == rewriting
            if held != modes or not same_files:
                wrong.append(f"{statement}\n  server {held} {rewritten or ''}\n  table  {modes} {rewriting or ''}")
    assert not wrong, "\n".join(wrong)
