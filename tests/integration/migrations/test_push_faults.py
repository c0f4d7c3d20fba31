"""Pushes that are killed, that meet each other, and that meet a lock."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import psycopg
import pytest

from clarivum.database.migrations.push import DEPLOYER_LOCK, Pace, Progress, Step, push, status
from clarivum.errors import MIGRATION_LOCKED, DependencyDownError, RefusedError
from clarivum.testing.postgres import DatabaseUrls, ServersForTests
from clarivum.testing.waiting import until

FORK = multiprocessing.get_context("fork")  # a child shares nothing with the servers but may be killed at will


def write(folder: Path, *texts: str) -> None:
    for number, text in enumerate(texts, 1):
        (folder / f"{20261101000000 + number}_m{number}.sql").write_text(text)


def query(url: str, text: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(text.encode())
        while cursor.nextset():
            pass
        return cursor.fetchall() if cursor.description else []


def in_child(act: Callable[[], None]) -> int | None:
    """Run in a forked process; its exit code, negative for a signal."""
    child = FORK.Process(target=act)
    child.start()
    child.join(60)
    return child.exitcode


def push_and_die(url: str, folder: Path, at: int) -> None:
    """Push, and end by SIGKILL instead of sending the statement number `at` (from 1) to the server."""
    execute = psycopg.Connection.execute
    sent = 0

    def counting(self: psycopg.Connection, *args: object, **kwargs: object) -> object:
        nonlocal sent
        sent += 1
        if sent == at:
            os.kill(os.getpid(), signal.SIGKILL)
        return execute(self, *args, **kwargs)  # type: ignore[arg-type]

    psycopg.Connection.execute = counting  # type: ignore[assignment,method-assign]
    push(url, folder)


EVERY_KIND = (
    "create table a (n int);\ninsert into a select generate_series(1, 10);\ncreate index a_old on a (n);",
    "create index concurrently a_n_idx on a (n)",
    "drop index concurrently a_old",
    "reindex table concurrently a",
    "create table p (n int) partition by list (n);\ncreate table p1 partition of p for values in (1);",
    "alter table p detach partition p1 concurrently",
    "insert into a values (11)",
)


@pytest.mark.parametrize("postgres_version", [16, 18])
def test_a_push_killed_before_any_of_its_statements_converges(
    postgres_servers: ServersForTests, postgres_version: int, tmp_path: Path
) -> None:
    write(tmp_path, *EVERY_KIND)
    killed, step = 0, {16: 3, 18: 1}[postgres_version]
    while True:
        with postgres_servers.database(postgres_version, migrated=False) as urls:
            exit_code = in_child(lambda url=urls.admin, at=killed + 1: push_and_die(url, tmp_path, at))
            push(urls.admin, tmp_path)
            assert status(urls.admin, tmp_path).in_step
            assert query(urls.admin, "select count(*), max(n) from a") == [(11, 11)]
            assert query(
                urls.admin,
                "select indexrelid::regclass::text, indisvalid from pg_index where indrelid = 'a'::regclass",
            ) == [("a_n_idx", True)]
            assert query(urls.admin, "select count(*) from pg_inherits where inhparent = 'p'::regclass") == [(0,)]
            assert query(urls.admin, "select count(*) from supabase_migrations.clarivum_unfinished") == [(0,)]
        if exit_code == 0:
            break
        assert exit_code == -signal.SIGKILL
        killed += step
    assert killed >= 40  # every statement of the push was one to die before


def test_a_push_killed_while_an_index_is_built_converges(empty_database_urls: DatabaseUrls, tmp_path: Path) -> None:
    url = empty_database_urls.admin
    write(tmp_path, "create table a (n int)")
    push(url, tmp_path)
    write(tmp_path, "create table a (n int)", "create index concurrently a_n_idx on a (n)")
    with psycopg.connect(url) as blocker:
        blocker.execute("insert into a values (1)")  # an open writer: the build waits for its end
        child = FORK.Process(target=push, args=(url, tmp_path))
        child.start()
        building = "select pid from pg_stat_activity where query like 'create index%' and wait_event_type = 'Lock'"
        until(lambda: query(url, building) != [], "the index is being built")
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        until(lambda: query(url, building) == [], "the server notices that the deployer is gone")
        blocker.commit()
    assert query(url, "select indisvalid from pg_index where indexrelid = 'a_n_idx'::regclass") == [(False,)]
    push(url, tmp_path)
    assert query(url, "select indisvalid from pg_index where indexrelid = 'a_n_idx'::regclass") == [(True,)]


def test_ten_deployers_at_once_apply_once(empty_database_urls: DatabaseUrls, tmp_path: Path) -> None:
    url = empty_database_urls.admin
    write(
        tmp_path,
        "create table a (n int)",
        "select pg_sleep(0.3)",
        "insert into a values (1)",
        "create index concurrently a_n_idx on a (n)",
    )
    children = [FORK.Process(target=push, args=(url, tmp_path)) for _ in range(10)]
    for child in children:
        child.start()
    for child in children:
        child.join(60)
    assert [child.exitcode for child in children] == [0] * 10
    assert query(url, "select n from a") == [(1,)]
    assert status(url, tmp_path).in_step


def test_a_lock_is_waited_for_briefly_and_traffic_flows_between_the_attempts(
    empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    url = empty_database_urls.admin
    query(url, "create table a (n int)")
    write(tmp_path, "create table b (n int);\nset lock_timeout = 0;\nalter table a add column m int;")
    events: list[Progress] = []
    with psycopg.connect(url) as blocker:
        blocker.execute("select * from a")  # ACCESS SHARE, held by an idle transaction

        def pause(seconds: float) -> None:
            assert seconds == 0.125  # half of the first ceiling
            assert query(url, "set statement_timeout = 200; select count(*) from a") == [(0,)]
            blocker.commit()

        push(url, tmp_path, on_progress=events.append, pace=Pace(random=lambda: 0.5, pause=pause))
    assert [event.step for event in events] == [Step.APPLYING, Step.RETRYING, Step.APPLIED]
    assert 1.9 < events[1].elapsed_s < 10
    assert query(url, "select m from a") == []


@pytest.mark.parametrize(
    ("statement", "again"),
    [("vacuum full a", True), ("cluster", True), ("reindex schema public", True), ("vacuum a", False)],
)
def test_what_needs_no_transaction_but_a_strong_lock_does_not_queue_for_it(
    empty_database_urls: DatabaseUrls, tmp_path: Path, statement: str, again: bool
) -> None:
    url = empty_database_urls.admin
    query(url, "create table a (n int primary key); cluster a using a_pkey")
    write(tmp_path, statement)
    events: list[Progress] = []
    with psycopg.connect(url) as blocker:
        blocker.execute("select * from a")
        push(url, tmp_path, on_progress=events.append, pace=Pace(pause=lambda seconds: blocker.commit()))
    retried = [Step.RETRYING] if again else []
    assert [event.step for event in events] == [Step.APPLYING, *retried, Step.APPLIED]
    assert query(url, "select count(*) from supabase_migrations.clarivum_unfinished") == [(0,)]


def test_a_concurrent_build_waits_for_as_long_as_the_others_take(
    empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    url = empty_database_urls.admin
    query(url, "create table a (n int)")
    write(tmp_path, "create index concurrently a_n_idx on a (n)")
    building = (
        "select 1 from pg_stat_activity where query like 'create index%' and wait_event_type = 'Lock'"
        " and clock_timestamp() - query_start > interval '2.5 s'"
    )
    with psycopg.connect(url) as writer, ThreadPool(1) as pool:
        writer.execute("insert into a values (1)")
        pushing = pool.apply_async(push, (url, tmp_path))
        until(lambda: query(url, building) != [], "the build waits for longer than a lock may take")
        writer.commit()
        assert len(pushing.get(30)) == 1


def test_a_partition_that_is_half_detached_is_finished_by_the_next_push(
    empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    url = empty_database_urls.admin
    query(url, "create table p (n int) partition by list (n); create table p1 partition of p for values in (1)")
    write(tmp_path, "alter table p detach partition p1 concurrently")
    waiting = "select pid from pg_stat_activity where query like 'alter table p%' and wait_event_type = 'Lock'"
    pending = "select inhdetachpending from pg_inherits where inhrelid = 'p1'::regclass"
    with psycopg.connect(url) as reader, ThreadPool(1) as pool:
        reader.execute("select * from p")
        pushing = pool.apply_async(push, (url, tmp_path))
        until(lambda: query(url, waiting) != [] and query(url, pending) == [(True,)], "the second phase waits")
        query(url, f"select pg_cancel_backend(pid) from ({waiting}) as waiting")
        with pytest.raises(RefusedError, match=r"m1\.sql:1: canceling statement due to user request"):
            pushing.get(30)
    assert query(url, pending) == [(True,)]
    assert len(push(url, tmp_path)) == 1
    assert query(url, pending) == []
    assert status(url, tmp_path).in_step
    assert query(url, "select count(*) from supabase_migrations.clarivum_unfinished") == [(0,)]


def test_a_lock_that_is_never_granted_is_given_up(empty_database_urls: DatabaseUrls, tmp_path: Path) -> None:
    url = empty_database_urls.admin
    query(url, "create table a (n int)")
    write(tmp_path, "create table b (n int);\nalter table a add column m int;")
    with psycopg.connect(url) as blocker:
        blocker.execute("select * from a")
        with pytest.raises(DependencyDownError, match=r"m1\.sql:2: no lock within 2 s, 1 times") as locked:
            push(url, tmp_path, pace=Pace(lock_attempts=1))
    assert locked.value.code is MIGRATION_LOCKED
    assert query(url, "select to_regclass('b')::text") == [(None,)]


def test_a_deployer_in_front_is_waited_for_and_not_for_ever(empty_database_urls: DatabaseUrls, tmp_path: Path) -> None:
    url = empty_database_urls.admin
    write(tmp_path, "create table a (n int)")
    events: list[Progress] = []
    with psycopg.connect(url, autocommit=True) as front:
        front.execute("select pg_advisory_lock(%s)", (DEPLOYER_LOCK,))
        with pytest.raises(DependencyDownError, match="another deployer") as locked:
            push(url, tmp_path, pace=Pace(deployer_patience_s=0.0))
        assert locked.value.code is MIGRATION_LOCKED

        def pause(seconds: float) -> None:
            front.execute("select pg_advisory_unlock_all()")

        push(url, tmp_path, on_progress=events.append, pace=Pace(pause=pause))
    assert [event.step for event in events] == [Step.WAITING, Step.APPLYING, Step.APPLIED]


def test_a_server_that_crashes_during_a_push_loses_the_file_but_no_order(
    empty_database_urls: DatabaseUrls, tmp_path: Path
) -> None:
    url = empty_database_urls.admin
    write(tmp_path, "create table a (n int)", "create table b (n int);\nselect pg_sleep(60);")
    with ThreadPool(1) as pool:
        pushing = pool.apply_async(push, (url, tmp_path))
        sleeping = "select pid from pg_stat_activity where query = 'select pg_sleep(60)'"
        until(lambda: query(url, sleeping) != [], "the second file runs")
        empty_database_urls.server.restart(immediate=True)
        with pytest.raises(DependencyDownError, match=r"m2\.sql:2: the connection was lost"):
            pushing.get(30)
    assert [m.name for m in status(url, tmp_path).pending] == ["m2"]
    write(tmp_path, "create table a (n int)", "create table b (n int);")
    push(url, tmp_path)
    assert query(url, "select count(*) from b") == [(0,)]
