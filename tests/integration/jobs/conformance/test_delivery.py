"""Who gets a message, when, and how often: visibility, postponing, acknowledging, transactions, counts."""

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from uuid import uuid4

import pytest

from clarivum.database import WORKER, DatabaseError, Transaction, parse_queries
from clarivum.jobs import outbox
from clarivum.jobs.message import Message, run_id_of
from clarivum.jobs.transports.interface import Transport
from tests.integration.jobs.conformance.conftest import Line, bodies
from tests.integration.jobs.drill_jobs import JOBS, Quick, bulk, quick, tick

BROKEN = parse_queries("-- name: broken -> many\nselect 1 / 0 as impossible;", __file__)


def numbered(count: int) -> list[str]:
    return [f'{{"key": "{number}"}}' for number in range(count)]


def keys(messages: Sequence[Message]) -> list[str]:
    return sorted(json.loads(message.body or "")["key"] for message in messages)


# -- sending -----------------------------------------------------------------------------------------------------------
async def test_a_queue_with_nothing_in_it(line: Line) -> None:
    assert await line.empty()
    assert await line.empty(), "asking again changes nothing"


async def test_nothing_is_sent_by_a_transaction_that_is_rolled_back(line: Line) -> None:
    async with rolled_back(line) as tx:
        line.transport.send(tx, quick, b"{}", {}, 0)
    await line.relay()
    assert await line.empty()


async def test_nothing_is_sent_by_a_transaction_whose_statement_failed(line: Line) -> None:
    """Even when the block swallowed the error: the commit raises it again."""

    async def send_and_go_on() -> None:
        async with line.database.session(WORKER).transaction() as tx:
            line.transport.send(tx, quick, b"{}", {}, 0)
            with suppress(DatabaseError):
                await tx.many(BROKEN.broken)

    with pytest.raises(DatabaseError):
        await send_and_go_on()
    await line.relay()
    assert await line.empty()


async def test_one_transaction_sends_to_several_queues(line: Line) -> None:
    async with line.database.session(WORKER).transaction() as tx:
        line.transport.send(tx, quick, b'{"key": "q"}', {}, 0)
        line.transport.send(tx, bulk, b'{"key": "b"}', {}, 0)
    await line.relay()
    assert keys(await line.receive(1)) == ["q"]
    assert keys(await line.receive(1, job=bulk)) == ["b"]
    assert await line.empty()
    assert await line.empty(bulk)


async def test_a_delayed_message_comes_when_its_time_has_come(line: Line) -> None:
    await line.send('{"key": "later"}', delay_s=2)
    await line.send('{"key": "now"}')
    assert keys(await line.receive(1)) == ["now"]
    assert await line.empty()
    assert keys(await received_in_time(line, 1)) == ["later"]


async def test_the_longest_delay_is_taken(line: Line) -> None:
    await line.send("{}", delay_s=900)
    assert await line.empty()
    assert (await line.transport.status(quick)).depth == 1


async def test_a_delay_tells_when_it_is_over(line: Line) -> None:
    async with line.database.session(WORKER).transaction() as tx:
        outbox([quick], line.transport).put(tx, Quick(key="a"), delay_s=1)
    await line.relay()
    [message] = await received_in_time(line, 1)
    assert timedelta(seconds=0.5) < message.due_at - message.enqueued_at <= timedelta(seconds=1)


async def test_a_delayed_message_waits_and_is_not_old(line: Line) -> None:
    """Whatever holds it until then: the queue, or the outbox for what is further away."""
    await line.send("{}", delay_s=800)
    await line.send("{}", delay_s=86_400)
    status = await line.transport.status(quick)
    assert (status.depth, status.ready, status.running, status.waiting) == (2, 0, 0, 2)
    assert not status.oldest_age_s


# -- receiving ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("count", [1, 2, 9, 10, 11, 19, 20, 21, 25])
async def test_any_number_is_sent_received_and_acknowledged_at_once(line: Line, count: int) -> None:
    await line.send(*numbered(count))
    messages = await line.receive(count, limit=25)
    assert keys(messages) == sorted(str(number) for number in range(count))
    await line.transport.acknowledge(quick, [message.id for message in messages])
    assert (await line.transport.status(quick)).depth == 0


@pytest.mark.parametrize("limit", [1, 3, 10, 12])
async def test_no_more_than_asked_for(line: Line, limit: int) -> None:
    await line.send(*numbered(15))
    for _ in range(3):
        assert len(await line.transport.receive(quick, limit, 30)) <= limit


async def test_concurrent_receivers_share_a_queue_out(line: Line) -> None:
    """pgmq locks rows: each message goes to one. A standard queue of SQS may give one twice; the ledger is for that."""
    await line.send(*numbered(60))
    receivers = [line.another() for _ in range(4)]

    async def drain(transport: Transport) -> list[Message]:
        found: list[Message] = []
        idle = 0
        while idle < 3:
            some = await transport.receive(quick, 7, 30)
            idle = 0 if some else idle + 1
            found += some
        return found

    found = [message for some in await asyncio.gather(*map(drain, receivers)) for message in some]
    received = keys(found) if line.transport.system == "pgmq" else sorted(set(keys(found)))
    assert received == sorted(str(number) for number in range(60))


async def test_no_order_is_promised_but_everything_comes(line: Line) -> None:
    for number in range(6):
        await line.send(f'{{"key": "{number}"}}')
    assert set(keys(await line.receive(6))) == {str(number) for number in range(6)}


# -- visibility --------------------------------------------------------------------------------------------------------
async def test_a_received_message_is_hidden_from_everybody(line: Line) -> None:
    await line.send("{}")
    await line.receive(1)
    assert await line.empty()
    assert not await line.another().receive(quick, 10, 30)


async def test_a_message_that_nobody_acknowledged_comes_again(line: Line) -> None:
    await line.send("{}")
    [first] = await line.receive(1, visibility_s=1)
    [second] = await received_in_time(line, 1)
    assert second.id == first.id


async def test_postponed_by_nothing_it_is_there_at_once(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    await line.transport.postpone(quick, [message.id], 0)
    [again] = await line.receive(1)
    assert again.id == message.id


async def test_another_process_gets_what_was_handed_back(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    await line.transport.postpone(quick, [message.id], 0)
    other = line.another()
    found = [each for _ in range(5) for each in await other.receive(quick, 1, 30)]
    assert [each.id for each in found] == [message.id]


async def test_a_heartbeat_keeps_a_message_hidden_beyond_its_first_visibility(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1, visibility_s=1)
    await line.transport.postpone(quick, [message.id], 30)
    await passed(line, 1.2)
    assert await line.empty()
    assert (await line.transport.status(quick)).depth == 1


async def test_postponed_for_a_second_it_comes_after_a_second(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    await line.transport.postpone(quick, [message.id], 1)
    assert await line.empty()
    [again] = await received_in_time(line, 1)
    assert again.id == message.id


@pytest.mark.parametrize("count", [1, 10, 11, 25])
async def test_many_are_postponed_at_once(line: Line, count: int) -> None:
    await line.send(*numbered(count))
    messages = await line.receive(count, limit=25)
    assert await line.empty()
    await line.transport.postpone(quick, [message.id for message in messages], 0)
    assert len(await line.receive(count, limit=25)) == count


async def test_the_longest_postponement_is_taken(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    await line.transport.postpone(quick, [message.id], 43_200)
    assert await line.empty()


# -- acknowledging -----------------------------------------------------------------------------------------------------
async def test_an_acknowledged_message_is_gone(line: Line) -> None:
    await line.send(*numbered(2))
    first, second = await line.receive(2, visibility_s=1)
    await line.transport.acknowledge(quick, [first.id])
    [left] = await received_in_time(line, 1)
    assert left.id == second.id
    assert (await line.transport.status(quick)).depth == 1


async def test_acknowledging_twice_is_no_error(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    for _ in range(2):
        await line.transport.acknowledge(quick, [message.id])
    assert (await line.transport.status(quick)).depth == 0


@pytest.mark.parametrize("act", ["acknowledge", "postpone"])
async def test_messages_that_are_not_there_are_passed_over(line: Line, act: str) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    ids = ["9999999", message.id] if line.transport.system == "pgmq" else [str(uuid4()), message.id]
    if act == "acknowledge":
        await line.transport.acknowledge(quick, ids)
        assert (await line.transport.status(quick)).depth == 0
    else:
        await line.transport.postpone(quick, ids, 0)
        await line.receive(1)


async def test_none_at_all_is_no_error(line: Line) -> None:
    await line.transport.acknowledge(quick, [])
    await line.transport.postpone(quick, [], 30)
    async with line.database.session(WORKER).transaction() as tx:
        line.transport.acknowledge_with(tx, quick, [])
        line.transport.postpone_with(tx, quick, [], 0)


async def test_acknowledged_late_by_whom_it_was_taken_from(line: Line) -> None:
    """Its visibility ended, and another one holds the message: nothing fails, and it is settled in the end."""
    await line.send("{}")
    [message] = await line.receive(1, visibility_s=1)
    other = line.another()
    taken = await received_in_time(line, 1, other)
    await line.transport.acknowledge(quick, [message.id])
    await other.acknowledge(quick, [each.id for each in taken])
    assert (await line.transport.status(quick)).depth == 0


# -- with a transaction ------------------------------------------------------------------------------------------------
async def test_acknowledged_with_a_commit(line: Line) -> None:
    await line.send(*numbered(12))
    messages = await line.receive(12, limit=25)
    async with line.database.session(WORKER).transaction() as tx:
        line.transport.acknowledge_with(tx, quick, [message.id for message in messages])
    await until(line, depth=0)


async def test_not_acknowledged_with_a_rollback(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    async with rolled_back(line) as tx:
        line.transport.acknowledge_with(tx, quick, [message.id])
    await passed(line, 0.1)
    assert (await line.transport.status(quick)).depth == 1


async def test_postponed_with_a_commit(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    async with line.database.session(WORKER).transaction() as tx:
        line.transport.postpone_with(tx, quick, [message.id], 0)
    [again] = await received_in_time(line, 1)
    assert again.id == message.id


async def test_not_postponed_with_a_rollback(line: Line) -> None:
    await line.send("{}")
    [message] = await line.receive(1)
    async with rolled_back(line) as tx:
        line.transport.postpone_with(tx, quick, [message.id], 0)
    await passed(line, 0.1)
    assert await line.empty()


async def test_what_was_committed_is_settled_before_a_transport_closes(line: Line) -> None:
    await line.send(*numbered(3))
    other = line.another()
    messages = [each for _ in range(3) for each in await other.receive(quick, 3, 30)]
    async with line.database.session(WORKER).transaction() as tx:
        other.acknowledge_with(tx, quick, [message.id for message in messages])
    await other.close()
    assert (await line.transport.status(quick)).depth == 3 - len(messages) == 0


# -- asking ------------------------------------------------------------------------------------------------------------
async def test_counts(line: Line) -> None:
    status = await line.transport.status(quick)
    assert (status.depth, status.ready) == (0, 0)
    await line.send(*numbered(5))
    status = await line.transport.status(quick)
    assert (status.depth, status.ready) == (5, 5)
    messages = await line.receive(2)
    status = await line.transport.status(quick)
    assert (status.depth, status.ready) == (5, 3)
    await line.transport.acknowledge(quick, [messages[0].id])
    assert (await line.transport.status(quick)).depth == 4


async def test_a_queue_that_is_not_there_is_missing(line: Line) -> None:
    from clarivum.jobs import job

    absent = job(Absent, name="drill.absent", key="key")(_nothing)
    assert await line.transport.missing(JOBS) == []
    [missing] = await line.transport.missing([quick, absent])
    assert missing.endswith("drill_absent")


async def test_a_run_is_found_before_it_begins(line: Line) -> None:
    """On SQS while it is in the outbox: nobody can look into a queue there."""
    async with line.database.session(WORKER).transaction() as tx:
        outbox(JOBS, line.transport).put(tx, Quick(key="a"), delay_s=60)
    found = await line.transport.find(quick, run_id_of("drill.quick", "a"))
    assert found is not None
    assert 55 < (found.visible_at - found.enqueued_at).total_seconds() < 65
    assert await line.transport.find(quick, run_id_of("drill.quick", "b")) is None


async def test_queues_of_other_jobs_are_their_own(line: Line) -> None:
    await line.send("{}")
    assert not await line.transport.receive(tick, 10, 30)
    assert bodies(await line.receive(1)) == ["{}"]


class Absent(Quick):
    """A payload of a job that was never deployed."""


async def _nothing(payload: Absent, run: object) -> None:
    """Do nothing."""


async def received_in_time(line: Line, wanted: int, transport: Transport | None = None) -> list[Message]:
    """Look again until `wanted` messages came, at most five seconds."""
    deadline = asyncio.get_running_loop().time() + 5
    found: list[Message] = []
    while len(found) < wanted:
        assert asyncio.get_running_loop().time() < deadline, "it did not come"
        found += await (transport or line.transport).receive(quick, wanted, 30)
        await asyncio.sleep(0.02)
    return found


@asynccontextmanager
async def rolled_back(line: Line) -> AsyncIterator[Transaction]:
    """A transaction that does not commit."""
    with suppress(RuntimeError):
        async with line.database.session(WORKER).transaction() as tx:
            yield tx
            raise RuntimeError("changed my mind")


async def until(line: Line, *, depth: int) -> None:
    deadline = asyncio.get_running_loop().time() + 5
    while (await line.transport.status(quick)).depth != depth:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


async def passed(line: Line, seconds: float) -> None:
    """Let real time pass: SQS has no clock that a test could turn."""
    await asyncio.sleep(seconds)
