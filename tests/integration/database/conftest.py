"""A small world for sessions: notes of many tenants under row-level security, and functions that misbehave."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager

import psycopg
import pytest
import pytest_asyncio
import uvloop

from clarivum.database import Database
from clarivum.testing.postgres import DatabaseUrls

WORLD = """
create table public.notes (
    id bigint generated always as identity primary key,
    tenant text not null,
    body text not null unique
);
alter table public.notes enable row level security;
alter table public.notes force row level security;
create policy notes_own on public.notes to authenticated
    using (tenant = (select auth.jwt() ->> 'sub')) with check (tenant = (select auth.jwt() ->> 'sub'));
create index notes_tenant_idx on public.notes (tenant);
grant select, insert, update, delete on public.notes to authenticated;
create policy notes_worker on public.notes to clarivum_worker using (true) with check (true);
grant select, insert on public.notes to clarivum_worker;

create table public.pairs (left_id bigint, right_id bigint, unique (left_id) deferrable initially deferred);
grant select, insert on public.pairs to authenticated;

create table public.counters (name text primary key, value bigint not null);
insert into public.counters values ('a', 0), ('b', 0);
grant select, update on public.counters to authenticated;

-- Waits until the test lets go of the lock: a slow query without a clock.
create function public.wait_for_lock(key bigint) returns bigint language sql volatile as
    $$ select key from (select pg_advisory_xact_lock(key)) as waited $$;

-- Writes although it looks like a read.
create function public.sneaky_write(tenant text) returns bigint language sql volatile as
    $$ insert into public.notes (tenant, body) values (tenant, 'sneaky') returning id $$;

-- Tries to change the session for whoever comes next.
create function public.poison_session() returns text language plpgsql volatile as $$
begin
    perform set_config('request.jwt.claims', '{"sub":"poison"}', false);
    perform set_config('role', 'clarivum_worker', false);
    perform set_config('app.tenant', 'poison', false);
    perform set_config('search_path', 'pg_temp', false);
    perform set_config('statement_timeout', '0', false);
    perform set_config('timezone', 'Asia/Tokyo', false);
    return 'poisoned';
end $$;

create function public.drop_prepared_statements() returns text language plpgsql volatile as $$
begin
    execute 'deallocate all';
    return 'dropped';
end $$;
"""


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Each test runs on both event loops."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


class Admin:
    """A superuser's connection beside the one under test."""

    def __init__(self, connection: psycopg.Connection[tuple[object, ...]]) -> None:
        self._connection = connection

    def run(self, sql: str, *parameters: object) -> list[tuple[object, ...]]:
        cursor = self._connection.execute(sql.encode(), parameters or None)
        return cursor.fetchall() if cursor.description else []

    def terminate(self, application_name: str = "clarivum") -> int:
        """End every backend of the application and wait until they are gone; returns how many."""
        return len(
            self.run(
                "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
                " where application_name = %s and datname = current_database()",
                application_name,
            )
        )

    def backends(self, condition: str) -> int:
        """How many of the application's backends meet a condition on pg_stat_activity."""
        rows = self.run(
            "select 1 from pg_stat_activity where application_name = 'clarivum'"
            f" and datname = current_database() and {condition}"
        )
        return len(rows)

    @contextmanager
    def holding(self, key: int) -> Iterator[None]:
        """Hold the advisory lock that `wait_for_lock(key)` waits for."""
        self.run("select pg_advisory_lock(%s)", key)
        try:
            yield
        finally:
            self.run("select pg_advisory_unlock(%s)", key)


@pytest.fixture
def admin(database_urls: DatabaseUrls) -> Iterator[Admin]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
        yield Admin(connection)


@pytest_asyncio.fixture
async def database(admin: Admin, database_urls: DatabaseUrls) -> AsyncIterator[Database]:
    """Open, with two pipelines and four own connections."""
    async with Database(database_urls.app, pipelines=2, connections=4) as opened:
        yield opened
