"""The relay: what happens when it dies, when SQS does not answer or refuses, and when several work at once."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from clarivum.database import WORKER, Database
from clarivum.jobs.message import run_id_of
from clarivum.jobs.transports.sqs.backstop import Backstop
from clarivum.jobs.transports.sqs.relay import Relay
from clarivum.jobs.transports.sqs.transport import SqsTransport
from clarivum.testing.aws import AwsServer, Kind
from clarivum.testing.ports import free_port
from clarivum.testing.postgres import DatabaseUrls
from tests.integration.jobs.conftest import ROOT
from tests.integration.jobs.drill_jobs import WORLD, Quick, bulk, quick, slow
from tests.integration.jobs.sqs_drill import SqsDrill

JOBS = [quick, bulk]


@pytest.fixture
def drill(database_urls: DatabaseUrls, aws_servers: Callable[[Kind], AwsServer], tmp_path: Path) -> Iterator[SqsDrill]:
    with psycopg.connect(database_urls.admin, autocommit=True) as connection:
        connection.execute(WORLD)
    drill = SqsDrill(database_urls, tmp_path, server=aws_servers("ministack"))
    drill.create_queues(*JOBS, slow)
    yield drill
    drill.end()


@asynccontextmanager
async def connected(drill: SqsDrill) -> AsyncIterator[tuple[Database, SqsTransport]]:
    async with Database(drill.urls.app, pipelines=1, connections=6) as database:
        transport = SqsTransport(drill.options, database)
        yield database, transport
        await transport.close()


def waiting(drill: SqsDrill) -> int:
    return int(drill.rows("select count(*) as messages from clarivum.outbox")[0]["messages"])


KILLED_BEFORE_COMMIT = """
import asyncio, os, signal, sys
from clarivum.database import Database
from clarivum.jobs.transports.sqs.calls import SqsOptions
from clarivum.jobs.transports.sqs import relay
from clarivum.jobs.transports.sqs.transport import SqsTransport
from tests.integration.jobs.drill_jobs import quick

async def main():
    url, endpoint, prefix = sys.argv[1:]
    async with Database(url, pipelines=1, connections=1) as database:
        transport = SqsTransport(SqsOptions("eu-central-1", endpoint, prefix), database)
        really = relay.send_batches
        async def sent_and_gone(*arguments, **options):
            outcome = await really(*arguments, **options)
            assert len(outcome.done) == 12, outcome
            os.kill(os.getpid(), signal.SIGKILL)
        relay.send_batches = sent_and_gone
        await relay.Relay(transport, database, [quick]).send_some()

asyncio.run(main())
"""


async def test_killed_between_sending_and_marking_it_sends_again_and_has_one_effect(drill: SqsDrill) -> None:
    keys = sorted(f"k{number}" for number in range(12))
    await drill.enqueue(*(Quick(key=key) for key in keys))
    for time in (1, 2):
        relay = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", KILLED_BEFORE_COMMIT, drill.urls.app, drill.server.url, drill.prefix],
            cwd=ROOT, check=False,
        )  # fmt: skip
        assert relay.returncode == -signal.SIGKILL
        assert waiting(drill) == 12, "not one row was removed"
        assert drill.counts(quick)["ready"] == 12 * time, "and SQS has them already"
    async with drill.working(quick):
        await drill.eventually(lambda: drill.depth(quick) == 0, "everything is settled")
    assert sorted(effect["key"] for effect in drill.effects()) == keys
    assert drill.rows("select sum(replays) from clarivum.job_runs")[0]["sum"] == 24


def relay(drill: SqsDrill) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "clarivum", "jobs", "relay", "--application"]
    return subprocess.Popen(
        [*command, "tests.integration.jobs.drill_app:application"],
        cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        env={**os.environ, **drill.environ, "DATABASE_URL": drill.urls.app},
    )  # fmt: skip


async def test_a_relay_of_its_own_and_workers_that_only_work(drill: SqsDrill) -> None:
    """`jobs relay` as a process: killed at random, several at once, nothing lost."""
    keys = sorted(f"k{number}" for number in range(150))

    relays = [relay(drill), relay(drill)]
    try:
        await drill.enqueue(*(Quick(key=key) for key in keys[:75]))
        await drill.eventually(lambda: waiting(drill) < 75, "a relay has begun")
        relays[0].kill()
        await drill.enqueue(*(Quick(key=key) for key in keys[75:]))
        await drill.eventually(lambda: waiting(drill) == 0, "the other one goes on")
        relays[1].terminate()
        assert await asyncio.to_thread(relays[1].wait, 10) == 0
    finally:
        for each in relays:
            each.kill()
            each.wait()
    received = set()
    while some := drill.receive_raw(quick):
        received |= {message["Body"]["key"] for message in some}
    assert sorted(received) == keys


async def test_several_relays_at_once_send_everything_once(drill: SqsDrill) -> None:
    await drill.enqueue(*(Quick(key=f"k{number}") for number in range(250)))
    async with connected(drill) as (database, transport):
        sent = await asyncio.gather(*(Relay(transport, database, JOBS).drain() for _ in range(4)))
    assert sum(sent) == 250
    assert drill.counts(quick)["ready"] == 250


async def test_a_missing_queue_keeps_its_rows_and_holds_up_nobody(drill: SqsDrill) -> None:
    url = drill.url(bulk)
    drill.sqs.delete_queue(QueueUrl=url)
    async with connected(drill) as (database, transport):
        async with database.session(WORKER).transaction() as tx:
            for _ in range(3):
                transport.send(tx, bulk, b'{"key": "b"}', {}, 0)
                transport.send(tx, quick, b'{"key": "q"}', {}, 0)
        relay = Relay(transport, database, JOBS)
        assert await relay.drain() == 3
        assert (waiting(drill), drill.counts(quick)["ready"]) == (3, 3)
        await asyncio.to_thread(drill.create_queues, bulk)
        assert await Relay(transport, database, JOBS).drain() == 3
    assert (waiting(drill), drill.counts(bulk)["ready"]) == (0, 3)


async def test_what_sqs_will_never_take_is_a_dead_letter_and_its_neighbours_go(drill: SqsDrill) -> None:
    drill.sqs.set_queue_attributes(QueueUrl=drill.url(quick), Attributes={"MaximumMessageSize": "1024"})
    await drill.enqueue(Quick(key="a"), Quick(key="k" * 255), Quick(key="b"))
    async with connected(drill) as (database, transport):
        async with database.session(WORKER).transaction() as tx:
            transport.send(tx, quick, b'{"key": "%s"}' % (b"x" * 2_000), {}, 0)
        assert await Relay(transport, database, JOBS).drain() == 4
    [letter] = drill.letters()
    assert (letter["error"], letter["attempts"]) == ("MessageRefused", 0)
    assert drill.counts(quick)["ready"] == 3


async def test_a_queue_that_is_away_is_waited_for(drill: SqsDrill) -> None:
    """Enqueue does not need SQS; when it is back everything goes."""
    drill.endpoint_url = f"http://127.0.0.1:{free_port()}"
    await drill.enqueue(*(Quick(key=f"k{number}") for number in range(20)))
    async with connected(drill) as (database, transport):
        assert await Relay(transport, database, JOBS).drain() == 0
    assert waiting(drill) == 20
    drill.endpoint_url = None
    async with connected(drill) as (database, transport):
        assert await Relay(transport, database, JOBS).drain() == 20


async def test_a_delay_beyond_what_sqs_takes_stays_in_the_outbox(drill: SqsDrill) -> None:
    async with connected(drill) as (database, transport):
        async with database.session(WORKER).transaction() as tx:
            transport.send(tx, quick, b"{}", {}, 3_600)
            transport.send(tx, quick, b"{}", {}, 800)
        assert await Relay(transport, database, JOBS).drain() == 1
    assert (waiting(drill), drill.counts(quick)["delayed"]) == (1, 1)


# -- SQS's own dead-letter queue ---------------------------------------------------------------------------------------
async def test_what_sqs_gave_up_comes_to_our_dead_letters_and_can_be_redriven(drill: SqsDrill) -> None:
    [first, *_] = await drill.enqueue(Quick(key="unsettled"), Quick(key="done"), Quick(key="cancelled"))
    async with connected(drill) as (database, transport):
        await Relay(transport, database, JOBS).drain()
        backstop = Backstop(transport, database, JOBS)
        for state in ("done", "cancelled"):
            drill.rows(
                "insert into clarivum.job_runs (run_id, enqueued_at, finished_at, attempt, state, job, key, message_id)"
                " values (%s, now(), now(), 1, %s, 'drill.quick', %s, 'x') returning run_id",
                run_id_of("drill.quick", state), state, state,
            )  # fmt: skip
        moved = move_to_dead_letter_queue(drill)
        assert moved == 3
        assert await backstop.collect(quick) == 3
        assert await backstop.collect(quick) == 0
    [letter] = drill.letters()
    assert (letter["run_id"], letter["key"], letter["error"]) == (first, "unsettled", "ReceivedTooOften")
    assert drill.counts(quick, "-dead") == {"ready": 0, "hidden": 0, "delayed": 0}


async def test_the_relays_process_does_what_no_function_does(drill: SqsDrill) -> None:
    """Without a worker anywhere: what SQS gave up is brought back, and what is past its time is forgotten."""
    [unsettled] = await drill.enqueue(Quick(key="unsettled"))
    async with connected(drill) as (database, transport):
        await Relay(transport, database, JOBS).drain()
    assert move_to_dead_letter_queue(drill) == 1
    drill.rows(
        "insert into clarivum.job_runs"
        " (run_id, enqueued_at, started_at, finished_at, attempt, state, job, key, message_id)"
        " select gen_random_uuid(), at, at, at, 1, 'done', 'drill.quick', 'old', 'x'"
        " from (select now() - interval '1 year') as past (at) returning run_id"
    )
    process = relay(drill)
    try:
        await drill.eventually(drill.letters, "the dead letter is brought back")
        await drill.eventually(lambda: drill.run("old") is None, "the old run is forgotten")
        process.terminate()
        assert await asyncio.to_thread(process.wait, 10) == 0
    finally:
        process.kill()
        process.wait()
    [letter] = drill.letters()
    assert (letter["run_id"], letter["error"]) == (unsettled, "ReceivedTooOften")


def move_to_dead_letter_queue(drill: SqsDrill) -> int:
    """What SQS does after maxReceiveCount, by lowering it and receiving in vain."""
    url, dead = drill.url(quick), drill.url(quick, "-dead")
    arn = drill.sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = f'{{"deadLetterTargetArn": "{arn}", "maxReceiveCount": "1"}}'
    drill.sqs.set_queue_attributes(QueueUrl=url, Attributes={"RedrivePolicy": policy})
    drill.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    drill.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)
    return drill.counts(quick, "-dead")["ready"]
