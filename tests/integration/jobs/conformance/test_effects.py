"""What a worker makes of messages, whatever carries them: one effect a key, retries, dead letters, shutdown."""

import asyncio
from contextlib import suppress
from typing import Any
from uuid import uuid4

import pytest

from clarivum.database import ANONYMOUS, Database
from clarivum.jobs import Job, control, outbox
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.control import Cancelled
from clarivum.jobs.message import run_id_of
from clarivum.jobs.redrive import redrive
from clarivum.telemetry import span
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_jobs import JOBS, Act, Bulk, Quick, Slow, act, bulk, listed, quick, slow, upgraded


async def ended(drill: Drill, *keys: str) -> None:
    await drill.eventually(lambda: all(drill.state(key) in {"done", "dead"} for key in keys), f"{keys} ended")


async def emptied(drill: Drill, job: Job[Any]) -> None:
    await drill.eventually(lambda: drill.depth(job) == 0, "the queue is empty")


# -- one effect --------------------------------------------------------------------------------------------------------
async def test_a_job_runs_and_its_message_is_gone(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Quick(key="a"))
    async with drill.working(quick):
        await ended(drill, "a")
        await emptied(drill, quick)
    run = drill.run("a")
    assert run is not None
    assert (run["run_id"], run["state"], run["attempt"], run["replays"]) == (run_id, "done", 1, 0)
    assert run["enqueued_at"] <= run["started_at"] <= run["finished_at"]
    assert len(drill.effects()) == 1


async def test_the_same_key_ten_times_has_one_effect(drill: Drill) -> None:
    await drill.enqueue(*(Quick(key="same") for _ in range(10)))
    async with drill.working(quick), drill.working(quick):
        await emptied(drill, quick)
    assert len(drill.effects()) == 1
    assert (drill.run("same") or {})["replays"] == 9


async def test_a_key_that_is_done_stays_done(drill: Drill) -> None:
    await drill.enqueue(Quick(key="a"))
    async with drill.working(quick):
        await ended(drill, "a")
        await drill.enqueue(Quick(key="a"))
        await drill.eventually(lambda: (drill.run("a") or {})["replays"] == 1, "the replay was noted")
        await emptied(drill, quick)
    assert len(drill.effects()) == 1


async def test_two_workers_share_and_do_everything_once(drill: Drill) -> None:
    keys = sorted(f"k{number}" for number in range(40))
    await drill.enqueue(*(Quick(key=key) for key in keys))
    async with drill.working(quick), drill.working(quick):
        await emptied(drill, quick)
    assert sorted(effect["key"] for effect in drill.effects()) == keys


async def test_batches_with_duplicates(drill: Drill) -> None:
    await drill.enqueue(*(Bulk(key=f"k{number % 15}") for number in range(45)))
    async with drill.working(bulk), drill.working(bulk):
        await emptied(drill, bulk)
    assert sorted(effect["key"] for effect in drill.effects()) == sorted(f"k{number}" for number in range(15))


async def test_a_transaction_that_is_rolled_back_enqueued_nothing(drill: Drill) -> None:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        database.outbox = outbox(JOBS, drill.transport(database))
        with suppress(RuntimeError):
            async with database.session(ANONYMOUS).transaction() as tx:
                await tx.enqueue(Quick(key="a"))
                raise RuntimeError("changed my mind")
    assert drill.depth(quick) == 0


async def test_one_trace_from_the_producer_to_the_handler(drill: Drill) -> None:
    with span("the request") as request:
        await drill.enqueue(Quick(key="a"))
        trace_id = f"{request.trace_id:032x}"
    async with drill.working(quick):
        await ended(drill, "a")
    assert drill.effects("a")[0]["trace_id"] == trace_id


# -- failing -----------------------------------------------------------------------------------------------------------
async def test_what_fails_once_is_tried_again(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="fail", up_to_attempt=1))
    async with drill.working(act):
        await ended(drill, "a")
        await emptied(drill, act)
    assert [effect["attempt"] for effect in drill.effects()] == [2]
    assert [entry["error"] for entry in (drill.run("a") or {})["history"]] == ["LookupError"]


async def test_five_attempts_then_a_dead_letter_and_neighbours_unharmed(drill: Drill) -> None:
    [run_id, _] = await drill.enqueue(Act(key="bad", do="fail"), Act(key="good"))
    async with drill.working(act):
        await ended(drill, "bad", "good")
        await emptied(drill, act)
    [letter] = drill.letters()
    assert (letter["run_id"], letter["key"], letter["attempts"], letter["error"]) == (run_id, "bad", 5, "LookupError")
    assert [entry["attempt"] for entry in (drill.run("bad") or {})["history"]] == [1, 2, 3, 4, 5]
    assert [effect["key"] for effect in drill.effects()] == ["good"]


async def test_a_handler_that_hangs_times_out(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="sleep", up_to_attempt=1))
    async with drill.working(act):
        await ended(drill, "a")
    assert [entry["error"] for entry in (drill.run("a") or {})["history"]] == ["AttemptTimeout"]


@pytest.mark.parametrize("payload", [Act(key="a", do="cancelled"), Bulk(key="a", cancelled=True)], ids=["act", "bulk"])
async def test_a_handler_that_is_cancelled_by_its_own_doing_failed(drill: Drill, payload: Act | Bulk) -> None:
    """As by awaiting a closed client: nobody stopped the run, so its attempts count."""
    declared = act if isinstance(payload, Act) else bulk
    await drill.enqueue(payload)
    async with drill.working(declared):
        await ended(drill, "a")
        await emptied(drill, declared)
    [letter] = drill.letters()
    assert (letter["error"], letter["attempts"]) == ("CancelledError", declared.attempts)
    assert drill.effects() == []


async def test_a_poisoned_batch_harms_only_the_poison(drill: Drill) -> None:
    await drill.enqueue(*(Bulk(key=f"k{number}", fails=number == 7) for number in range(12)))
    async with drill.working(bulk):
        await emptied(drill, bulk)
    assert sorted(effect["key"] for effect in drill.effects()) == sorted(f"k{n}" for n in range(12) if n != 7)
    assert [letter["key"] for letter in drill.letters()] == ["k7"]


async def test_a_run_that_waits_is_not_tried_before_its_time(drill: Drill) -> None:
    await drill.enqueue(Act(key="a", do="fail"))
    async with drill.working(act, backoff=Backoff(base_s=600, cap_s=900)):
        await drill.eventually(lambda: drill.state("a") == "waiting", "the first attempt failed")
        await drill.enqueue(Act(key="b"))
        await ended(drill, "b")
    assert (drill.run("a") or {})["attempt"] == 1
    assert drill.depth(act) == 1


async def test_cancelling_one_run_of_a_batch_leaves_the_others_their_messages(drill: Drill) -> None:
    """The batch fails and goes one by one; the run that hangs then is cancelled while the row waits behind it."""
    keys = [f"k{number}" for number in range(8)]
    row = sorted(keys, key=lambda key: run_id_of(bulk.name, key))  # a batch goes by the runs' ids
    poison, hanging, *others = row
    await drill.enqueue(*(Bulk(key=key, fails=key == poison, seconds=8 * (key == hanging)) for key in row))
    async with drill.working(bulk, control_s=0.05):
        await drill.eventually(lambda: drill.state(hanging) == "running", "it hangs")
        run_id = run_id_of(bulk.name, hanging)
        async with Database(drill.urls.app, pipelines=1, connections=1) as database:
            cancelled = await control.cancel(database, {bulk.name: bulk}, run_id, reason="a test")
        assert cancelled is Cancelled.WHILE_IT_RAN
        await ended(drill, poison, *others)
        await emptied(drill, bulk)
    assert {effect["key"] for effect in drill.effects()} == set(others)
    assert (drill.state(hanging), drill.state(poison)) == ("cancelled", "dead")


# -- unreadable --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "body",
    ["{}", '{"key": 7}', '{"key": "a", "more": 1}', '{"key": ""}', "[]", '"text"', "17", "null", '{"key": null}'],
)
async def test_an_unreadable_message_is_a_dead_letter_at_once(drill: Drill, body: str) -> None:
    drill.send_raw(quick, body)
    async with drill.working(quick):
        await emptied(drill, quick)
    [letter] = drill.letters()
    assert (letter["attempts"], letter["key"], letter["error"]) == (0, None, "PayloadError")
    assert drill.effects() == []


async def test_a_validator_that_stumbles_makes_a_dead_letter_and_the_worker_goes_on(drill: Drill) -> None:
    drill.send_raw(listed, '{"key": "unheard of"}')
    drill.send_raw(listed, '{"key": "a"}')
    async with drill.working(listed):
        await ended(drill, "a")
        await emptied(drill, listed)
    [letter] = drill.letters()
    assert (letter["error"], letter["message"]) == ("PayloadError", "Listed: validation failed with KeyError")


async def test_a_message_for_a_newer_version_is_left_for_it(drill: Drill) -> None:
    drill.send_raw(upgraded, f'{{"key": "{uuid4()}"}}', {"job": "drill.upgraded", "schema_version": "3"})
    await drill.enqueue(Quick(key="a"))
    async with drill.working(upgraded, quick):
        await ended(drill, "a")
    assert drill.depth(upgraded) == 1
    assert drill.letters() == []
    assert drill.rows("select 1 from clarivum.job_runs where job = 'drill.upgraded'") == []


async def test_a_message_of_another_job_is_left_alone(drill: Drill) -> None:
    drill.send_raw(quick, '{"key": "a"}', {"job": "drill.unheard_of", "schema_version": "1"})
    await drill.enqueue(Quick(key="b"))
    async with drill.working(quick):
        await ended(drill, "b")
    assert drill.depth(quick) == 1
    assert drill.run("a") is None


# -- redrive -----------------------------------------------------------------------------------------------------------
async def test_redriven_it_has_all_its_attempts_ahead_and_twice_does_nothing(drill: Drill) -> None:
    [run_id] = await drill.enqueue(Act(key="a", do="fail", up_to_attempt=5))
    async with drill.working(act):
        await ended(drill, "a")
        await emptied(drill, act)
    drill.rows("update clarivum.dead_letters set payload = payload || '{\"up_to_attempt\": 2}' returning run_id")
    async with Database(drill.urls.app, pipelines=1, connections=4) as database:
        queue = drill.transport(database)
        results = await asyncio.gather(*(redrive(database, act, [run_id], queue) for _ in range(4)))
        assert [run for runs in results for run in runs] == [run_id]
        assert await redrive(database, act, [run_id], queue) == []
        await queue.close()
    assert drill.depth(act) == 1
    async with drill.working(act):
        await ended(drill, "a")
        await emptied(drill, act)
    assert (drill.state("a"), [effect["attempt"] for effect in drill.effects()]) == ("done", [3])


async def test_an_unreadable_letter_can_be_redriven_and_comes_back(drill: Drill) -> None:
    drill.send_raw(quick, '{"key": 7}')
    async with drill.working(quick):
        await emptied(drill, quick)
        [letter] = drill.letters()
        async with Database(drill.urls.app, pipelines=1, connections=1) as database:
            queue = drill.transport(database)
            assert await redrive(database, quick, [letter["run_id"]], queue) == [letter["run_id"]]
            await queue.close()
        await drill.eventually(lambda: len(drill.letters()) == 1, "it came back")
    [again] = drill.letters()
    assert again["payload"] == {"key": 7}


async def test_redriving_what_is_not_dead_does_nothing(drill: Drill) -> None:
    await drill.enqueue(Quick(key="a"))
    async with drill.working(quick):
        await ended(drill, "a")
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        queue = drill.transport(database)
        assert await redrive(database, quick, [run_id_of("drill.quick", "a"), uuid4()], queue) == []
        await queue.close()
    await emptied(drill, quick)


# -- leases ------------------------------------------------------------------------------------------------------------
async def test_overtaken_without_heartbeats_it_has_one_effect(drill: Drill) -> None:
    await drill.enqueue(Slow(key="a", do="sleep_then_effect", up_to_attempt=1, seconds=2.5))
    options = {"visibility_s": 1, "heartbeat": False}
    async with drill.working(slow, **options), drill.working(slow, **options):
        await ended(drill, "a")
        await drill.eventually(lambda: drill.depth(slow) == 0, "its message is settled")
    assert [effect["attempt"] for effect in drill.effects()] == [2]


async def test_heartbeats_keep_a_long_run_to_itself(drill: Drill) -> None:
    await drill.enqueue(Slow(key="a", do="sleep_then_effect", seconds=2.5))
    async with drill.working(slow, visibility_s=1), drill.working(slow, visibility_s=1):
        await ended(drill, "a")
        await emptied(drill, slow)
    assert [effect["attempt"] for effect in drill.effects()] == [1]
    assert (drill.run("a") or {})["replays"] == 0


async def test_shutdown_lets_the_short_finish_and_hands_the_long_back(drill: Drill) -> None:
    await drill.enqueue(
        Slow(key="short", do="sleep_then_effect", seconds=0.4), Slow(key="long", do="sleep_then_effect", seconds=25)
    )
    async with drill.working(slow, grace_s=1.0):
        await drill.eventually(lambda: drill.state("short") and drill.state("long"), "both began")
    assert drill.state("short") == "done"
    run = drill.run("long")
    assert run is not None
    assert (run["state"], run["attempt"], run["lease_token"]) == ("waiting", 0, None)
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        queue = drill.transport(database)
        [message] = await queue.receive(slow, 10, 30)
        assert not message.is_first_delivery, "another worker can have it at once"
        await queue.close()
