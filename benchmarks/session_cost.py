"""What the session layer costs: CPU of this process per read, and reads per second on one core.

    python -m benchmarks.session_cost [--loop asyncio] [--profile]

A throwaway embedded server with the application's own migrations, 20,000 entitlements of 2,000 members; each read
returns 10 rows of 8 columns under row-level security, decoded and validated. The load is closed-loop: `--callers` tasks
in one process. CPU is that of this process alone; Postgres has its own.
"""

import argparse
import asyncio
import cProfile
import pstats
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import uvloop
from pydantic import BaseModel, ConfigDict

from clarivum.database import Context, Database, Query, Session, parse_queries
from clarivum.testing.postgres import ServersForTests

MIGRATIONS = Path(__file__).parent.parent / "supabase" / "migrations"
MEMBERS = 2_000
ROWS_PER_MEMBER = 10
WARM_UP_READS = 2_000
SEED = """
insert into public.entitlements (subject, product, source, created_at)
select 'auth0|' || member, 'guide-' || entitlement, 'seed', now() - make_interval(mins => member * 10 + entitlement)
from generate_series(1, %s) as member, generate_series(1, %s) as entitlement
"""


class Entitlement(BaseModel):
    """A row as the API's contract has it."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    id: UUID
    product: str
    status: str
    source: str
    starts_at: datetime
    ends_at: datetime | None
    created_at: datetime
    revision: int


QUERIES = parse_queries(
    """
-- name: entitlements_page -> many Entitlement
select id, product, status, source, starts_at, ends_at, created_at, revision
from public.entitlements where deleted_at is null order by created_at desc, id desc limit %(limit)s

-- name: entitlements_rows -> many
-- The same without a row class.
select id, product, status, source, starts_at, ends_at, created_at, revision
from public.entitlements where deleted_at is null order by created_at desc, id desc limit %(limit)s

-- name: nothing -> many
-- A round trip and nothing else.
select 1 as one
""",
    __file__,
    sys.modules[__name__],
)

Work = Callable[[Session], Coroutine[Any, Any, Any]]


def read(query: Query, **params: object) -> Work:
    return lambda session: session.many(query, **params)


async def transaction(session: Session) -> None:
    async with session.transaction() as tx:
        await tx.many(QUERIES.entitlements_page, limit=ROWS_PER_MEMBER)


WORK: dict[str, Work] = {
    "read, 10 rows × 8 columns, validated": read(QUERIES.entitlements_page, limit=ROWS_PER_MEMBER),
    "read, 10 rows × 8 columns, as dicts": read(QUERIES.entitlements_rows, limit=ROWS_PER_MEMBER),
    "read, one constant": read(QUERIES.nothing),
    "transaction with one read": transaction,
}


async def measure(database: Database, work: Work, *, callers: int, reads: int) -> tuple[float, float]:
    """Reads per second, and CPU microseconds of this process per read."""
    contexts = [Context("authenticated", f'{{"sub":"auth0|{member}"}}', 8_000) for member in range(1, MEMBERS + 1)]
    remaining = iter(range(reads))

    async def call() -> None:
        for number in remaining:
            await work(database.session(contexts[number * 7 % MEMBERS]))

    started_s, cpu_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call() for _ in range(callers)))
    took_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    return reads / took_s, cpu_s / reads * 1e6


async def run(url: str, arguments: argparse.Namespace) -> None:
    async with Database(url, pipelines=arguments.pipelines) as database:
        rows = await database.session(Context("authenticated", '{"sub":"auth0|1"}', 8_000)).many(
            QUERIES.entitlements_page, limit=2 * ROWS_PER_MEMBER
        )
        assert len(rows) == ROWS_PER_MEMBER, "a member sees their own rows, all of them and no others"
        for label, work in WORK.items():
            await measure(database, work, callers=arguments.callers, reads=WARM_UP_READS)
            rounds = [
                await measure(database, work, callers=arguments.callers, reads=arguments.reads)
                for _ in range(arguments.rounds)
            ]
            per_s, cpu_us = max(rate for rate, _ in rounds), min(cpu for _, cpu in rounds)
            worst_us = max(cpu for _, cpu in rounds)
            print(f"  {label:<40} {per_s:>8,.0f}/s   {cpu_us:6.1f} µs CPU each   (up to {worst_us:.1f})")
        if arguments.profile:
            profile = cProfile.Profile()
            profile.enable()
            work = next(iter(WORK.values()))
            await measure(database, work, callers=arguments.callers, reads=arguments.reads)
            profile.disable()
            pstats.Stats(profile).sort_stats("tottime").print_stats(25)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loop", choices=["uvloop", "asyncio"], default="uvloop")
    parser.add_argument("--callers", type=int, default=32)
    parser.add_argument("--pipelines", type=int, default=2)
    parser.add_argument("--reads", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--profile", action="store_true")
    arguments = parser.parse_args()
    servers = ServersForTests(MIGRATIONS)
    try:
        with servers.database() as urls:
            with psycopg.connect(urls.admin, autocommit=True) as connection:
                connection.execute(SEED, (MEMBERS, ROWS_PER_MEMBER))
                connection.execute("analyze")
            print(f"{arguments.callers} callers, {arguments.pipelines} pipelines, {arguments.loop}:")
            runner = uvloop.run if arguments.loop == "uvloop" else asyncio.run
            runner(run(urls.app, arguments))
    finally:
        servers.close()


if __name__ == "__main__":
    main()
