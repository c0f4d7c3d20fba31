"""One rate for all processes: what is granted in all, what it costs, and what holds while Postgres is silent."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import httpx
import psutil
import psycopg
import pytest

from clarivum.api.access import Rate
from clarivum.api.rates.limiter import Allowance, RateLimiter
from clarivum.api.rates.reports import RateReports
from clarivum.database import Database
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.api.api_process import running_api
from tests.integration.api.bounded_sample import LIMIT
from tests.integration.api.test_process import ready

PROJECT = Path(__file__).resolve().parents[3]
ROUTE = "GET /bounded"
SECRET = "Zq8v1R0u5yKx2mWc7TnB4eLh9dPs3gJf"


@contextmanager
def bounded_api(url: str, workers: int) -> Iterator[tuple[int, list[psutil.Process]]]:
    """The port that real processes share, and those processes."""
    port = free_port()
    environment = {**os.environ, "DATABASE_URL": url, "CLARIVUM_PORT": str(port), "CLARIVUM_LOG_LEVEL": "error"}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.api.bounded_sample", str(workers)],
        cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        ready(port, process)
        yield port, psutil.Process(process.pid).children()
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.communicate(timeout=30)


@asynccontextmanager
async def connected(
    port: int, workers: list[psutil.Process], connections_each: int
) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients with one open connection each, so many to every process: while it accepts, the others are stopped."""
    clients = [
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20)
        for _ in range(connections_each * len(workers))
    ]
    for number, worker in enumerate(workers):
        others = [other for other in workers if other is not worker]
        for other in others:
            other.suspend()
        mine = clients[number * connections_each : (number + 1) * connections_each]
        await asyncio.gather(*(client.get("/healthz") for client in mine))
        for other in others:
            other.resume()
    try:
        yield clients
    finally:
        await asyncio.gather(*(client.aclose() for client in clients))


async def ask(clients: list[httpx.AsyncClient], requests_each: int) -> list[httpx.Response]:
    async def one(client: httpx.AsyncClient) -> list[httpx.Response]:
        return [await client.get("/bounded") for _ in range(requests_each)]

    return [answer for part in await asyncio.gather(*(one(client) for client in clients)) for answer in part]


async def test_two_processes_grant_no_more_than_one_rate_and_a_slice(database_urls: DatabaseUrls) -> None:
    with bounded_api(database_urls.app, workers=2) as (port, processes_of_it):
        async with connected(port, processes_of_it, connections_each=16) as clients:
            started = time.monotonic()
            answers = await ask(clients, requests_each=16)
        refilled = int((time.monotonic() - started) * LIMIT / 60) + 1
    granted = [answer for answer in answers if answer.status_code == 200]
    workers = Counter(answer.json()["pid"] for answer in granted)
    slice_of_one = RateLimiter(Rate(LIMIT, 60)).slice
    assert len(workers) == 2, "both processes took part"
    assert min(workers.values()) > slice_of_one
    assert LIMIT <= len(granted) <= LIMIT + slice_of_one + refilled
    for refused in (answer for answer in answers if answer.status_code != 200):
        assert refused.status_code == 429
        assert refused.json()["code"] == "rate_limited"
        assert refused.headers["ratelimit-limit"] == str(LIMIT)
        assert refused.headers["ratelimit-remaining"] == "0"
        assert 1 <= int(refused.headers["retry-after"]) <= 1 + slice_of_one


@asynccontextmanager
async def processes(urls: DatabaseUrls, count: int, rate: Rate) -> AsyncIterator[list[tuple[RateLimiter, RateReports]]]:
    """What as many processes have for one route, in one event loop."""
    databases = [Database(urls.app, pipelines=1, connections=2) for _ in range(count)]
    await asyncio.gather(*(database.open() for database in databases))
    reports = [RateReports(database) for database in databases]
    for each in reports:
        each.open()
    try:
        yield [(RateLimiter(rate, route=ROUTE, reports=each), each) for each in reports]
    finally:
        await asyncio.gather(*(each.close() for each in reports))
        await asyncio.gather(*(database.close() for database in databases))


async def take(limiter: RateLimiter, caller: str) -> Allowance:
    return limiter.take(caller, time.monotonic()) or await limiter.settle(caller)


@pytest.mark.parametrize("postgres_version", [16, 18])
@pytest.mark.parametrize("rate", [Rate(3, 3_600), Rate(60, 3_600), Rate(1_000, 3_600)])
async def test_four_processes_grant_at_most_a_slice_each_beyond_the_rate(
    database_urls: DatabaseUrls, rate: Rate
) -> None:
    async with processes(database_urls, 4, rate) as each:

        async def burst(limiter: RateLimiter) -> int:
            return sum([(await take(limiter, "a")).granted for _ in range(rate.limit)])

        granted = await asyncio.gather(*(burst(limiter) for limiter, _ in each))
        assert rate.limit <= sum(granted) <= rate.limit + 3 * each[0][0].slice
        assert (await take(each[0][0], "b")).granted, "another caller has a rate of their own"


async def test_what_one_process_granted_another_refuses(database_urls: DatabaseUrls) -> None:
    async with processes(database_urls, 2, Rate(10, 3_600)) as ((first, _), (second, _)):
        assert all([(await take(first, "a")).granted for _ in range(10)])
        await asyncio.wait_for(first.settle("a"), 5)
        answers = [await take(second, "a") for _ in range(3)]
        assert [answer.granted for answer in answers] == [True, False, False], "one slice is granted unasked"
        assert answers[1].reset_s > 360, "until then the first process's grants and this one drain"


async def test_a_busy_caller_costs_a_statement_a_slice_and_a_quiet_one_none(database_urls: DatabaseUrls) -> None:
    async with processes(database_urls, 1, Rate(6_000, 60)) as ((limiter, reports),):
        for _ in range(100):
            limiter.take("quiet", time.monotonic())
        await asyncio.sleep(0)
        assert reports.statements == 0
        for _ in range(3_000):
            assert (await take(limiter, "busy")).granted
        assert 3_000 / 300 <= reports.statements + 1 <= 3_000 / 150 + 1


async def test_while_postgres_does_not_answer_the_rate_is_the_processs_own(database_urls: DatabaseUrls) -> None:
    async with processes(database_urls, 1, Rate(20, 3_600)) as ((limiter, _),):
        with psycopg.connect(database_urls.admin) as admin:
            admin.execute("lock table clarivum.rate_limits in access exclusive mode")
            started = time.monotonic()
            granted = [(await take(limiter, "a")).granted for _ in range(40)]
            assert sum(granted) == 20
            assert time.monotonic() - started < 1.5, "one wait for an answer, then none"


async def test_expired_rows_go(database_urls: DatabaseUrls) -> None:
    async with processes(database_urls, 1, Rate(1, 1)) as ((limiter, _),):
        with psycopg.connect(database_urls.admin, autocommit=True) as admin:
            admin.execute(
                "insert into clarivum.rate_limits"
                " select decode(md5(n::text), 'hex'), now() - interval '1 minute' from generate_series(1, 9) n"
            )
            await take(limiter, "a")
            async with asyncio.timeout(10):
                while admin.execute(
                    "select from clarivum.rate_limits where full_at < now() - interval '30 s'"
                ).rowcount:
                    await asyncio.sleep(0.01)


def test_the_platforms_own_paths_have_rates_per_address(database_urls: DatabaseUrls, tmp_path: Path) -> None:
    with running_api(database_urls.app, tmp_path, AUTH_SECRET=SECRET) as api:
        started = time.monotonic()
        first = answer = api.client.get("/auth/csrf")
        asked = 1
        while answer.status_code == 401:  # there is no session, and asking for its token is bounded all the same
            answer = api.client.get("/auth/csrf")
            asked += 1
        refilled = int((time.monotonic() - started) * 10) + 1
    assert answer.status_code == 429
    assert 600 < asked <= 601 + refilled
    assert first.headers["ratelimit-limit"] == answer.headers["ratelimit-limit"] == "600"
    assert first.headers["ratelimit-remaining"] == "599"
    assert (answer.headers["ratelimit-remaining"], answer.headers["retry-after"]) == ("0", "1")
