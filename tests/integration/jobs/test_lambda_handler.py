"""The Lambda handler in this process, on a real queue's messages and a real database."""

import threading
import time
from typing import Any
from uuid import UUID

import psycopg
import pytest

from clarivum.jobs import Payload, Run, job
from clarivum.jobs.backoff import Backoff
from clarivum.jobs.lambda_handler import EventError
from clarivum.jobs.message import run_id_of
from tests.integration.jobs.drill_jobs import Act, Bulk, Quick, Slow, Upgraded, act, bulk, quick, slow, upgraded
from tests.integration.jobs.lambda_drill import Context, LambdaDrill, event, failed, lambda_drill

__all__ = ["lambda_drill"]

CANCEL = """
update clarivum.job_runs set state = 'cancelled', lease_token = null, claimable_at = null, finished_at = now()
where key = %s returning run_id
"""


@pytest.fixture
def drill(lambda_drill: LambdaDrill) -> LambdaDrill:
    return lambda_drill


def test_the_third_of_ten_fails_and_only_it_returns(drill: LambdaDrill) -> None:
    drill.send(act, *(Act(key=f"k{n}", do="fail" if n == 3 else "effect") for n in range(10)))
    records = drill.receive(act, 10)
    bad = next(record["messageId"] for record in records if "k3" in record["body"])
    assert failed(drill.handler()(event(*records), Context())) == [bad]
    assert {effect["key"] for effect in drill.effects()} == {f"k{n}" for n in range(10)} - {"k3"}
    assert drill.state("k3") == "waiting"


def test_a_failed_run_is_hidden_for_its_backoff_and_tried_five_times(drill: LambdaDrill) -> None:
    drill.send(act, Act(key="bad", do="fail"))
    handler = drill.handler()
    for attempt in range(1, 6):
        records = drill.receive(act, 1, visibility_s=600)  # without our visibility it would not come back in time
        came_back = failed(handler(event(*records), Context()))
        assert came_back == ([records[0]["messageId"]] if attempt < 5 else [])
    [letter] = drill.letters()
    assert (letter["key"], letter["attempts"], letter["error"]) == ("bad", 5, "LookupError")
    assert drill.effects() == []


def test_the_backoff_is_the_workers(drill: LambdaDrill) -> None:
    """Full jitter up to 900 s: that all three are drawn below 2 s happens once in 90 million times."""
    drill.send(act, *(Act(key=f"k{n}", do="fail") for n in range(3)))
    records = drill.receive(act, 3, visibility_s=0)
    came_back = failed(drill.handler(backoff=Backoff(base_s=900, cap_s=900))(event(*records), Context()))
    assert set(came_back) == {record["messageId"] for record in records}
    rows = drill.rows("select extract(epoch from claimable_at - clock_timestamp()) as s from clarivum.job_runs")
    assert any(row["s"] > 1 for row in rows)
    assert drill.counts(act)["hidden"] >= 1, "the queue hides the messages as long as the ledger waits"


def test_all_fail(drill: LambdaDrill) -> None:
    drill.send(act, *(Act(key=f"k{n}", do="fail") for n in range(10)))
    records = drill.receive(act, 10)
    assert set(failed(drill.handler()(event(*records), Context()))) == {record["messageId"] for record in records}
    assert drill.effects() == []


def test_an_empty_event_needs_nothing(drill: LambdaDrill) -> None:
    assert drill.handler()({"Records": []}, Context()) == {"batchItemFailures": []}


@pytest.mark.parametrize("strange", [{}, {"detail-type": "Scheduled Event"}, None, [], {"Records": [{"s3": {}}]}])
def test_another_event_is_refused(drill: LambdaDrill, strange: Any) -> None:
    with pytest.raises(EventError, match="not an SQS event"):
        drill.handler()(strange, Context())


def test_cancelling_one_run_of_a_batch_reports_the_others(drill: LambdaDrill) -> None:
    """The batch fails and goes one by one; what waits behind the run that hangs then comes back, untried."""
    keys = [f"k{n}" for n in range(5)]
    poison, hanging, *others = sorted(keys, key=lambda key: run_id_of(bulk.name, key))
    drill.send(bulk, *(Bulk(key=key, fails=key == poison, seconds=8 * (key == hanging)) for key in keys))
    records = drill.receive(bulk, 5)
    of_key = {key: record for record in records for key in keys if f'"{key}"' in record["body"]}
    ordered = [of_key[key] for key in (poison, hanging, *others)]

    def cancel_it() -> None:
        drill.until(lambda: drill.state(hanging) == "running", "it hangs")
        drill.rows(CANCEL, hanging)

    operator = threading.Thread(target=cancel_it)
    operator.start()
    came_back = failed(drill.handler(control_s=0.05)(event(*ordered), Context()))
    operator.join()
    assert set(came_back) == {of_key[key]["messageId"] for key in (poison, *others)}
    assert {run["state"] for run in drill.rows("select state from clarivum.job_runs")} == {"cancelled", "waiting"}
    assert drill.effects() == []


def test_terminal_unreadable_and_replayed_ones_are_not_reported(drill: LambdaDrill) -> None:
    drill.send(act, Act(key="done"), Act(key="closed", do="give_up"))
    drill.send_raw(act, "no json")
    drill.send_raw(act, '{"key": "x", "unknown": 1}')
    drill.send(act, Act(key="done"))
    records = drill.receive(act, 5)
    assert failed(drill.handler()(event(*records), Context())) == []
    assert [letter["error"] for letter in drill.letters()].count("PayloadError") == 2
    assert drill.state("closed") == "dead"
    assert (drill.run("done") or {})["replays"] == 1
    assert len(drill.effects()) == 1


def test_a_delivery_after_the_effect_is_a_replay(drill: LambdaDrill) -> None:
    drill.send(quick, Quick(key="a"))
    handler = drill.handler()
    for _ in range(3):
        assert failed(handler(event(*drill.receive(quick, 1, visibility_s=0)), Context())) == []
    assert len(drill.effects()) == 1
    assert (drill.run("a") or {})["replays"] == 2


def test_one_message_twice_in_an_event(drill: LambdaDrill) -> None:
    drill.send(act, Act(key="a"), Act(key="b", do="fail"))
    records = drill.receive(act, 2)
    came_back = failed(drill.handler()(event(*records, *records), Context()))
    assert came_back == [record["messageId"] for record in records if '"b"' in record["body"]]
    assert len(drill.effects()) == 1


def test_a_newer_version_is_left_for_a_newer_function(drill: LambdaDrill) -> None:
    key = "0b9d2a3e-6f0c-4a57-9a0c-1c86b8a7a001"
    drill.send_raw(upgraded, f'{{"key": "{key}"}}', {"job": upgraded.name, "schema_version": "3"})
    drill.send_raw(upgraded, f'{{"key": "{key}"}}', {"job": "drill.unheard_of"})
    drill.send(upgraded, Upgraded(key=UUID(key)))
    records = drill.receive(upgraded, 3)
    assert len(failed(drill.handler()(event(*records), Context()))) >= 2
    assert drill.counts(upgraded)["hidden"] >= 2, "hidden until a newer function may be there"


def test_a_queue_of_no_job_here_comes_back(drill: LambdaDrill) -> None:
    drill.send(quick, Quick(key="a"))
    records = drill.receive(quick, 1)
    assert failed(drill.handler(act)(event(*records), Context())) == [records[0]["messageId"]]
    assert drill.effects() == []
    assert drill.letters() == []


def test_a_paused_job_is_handed_back_uncounted(drill: LambdaDrill) -> None:
    drill.send(quick, Quick(key="a"))
    drill.rows("insert into clarivum.job_pauses (job, paused_by, reason) values ('drill.quick', 'x', '') returning job")
    handler = drill.handler(control_s=0.0)
    records = drill.receive(quick, 1)
    assert failed(handler(event(*records), Context())) == [records[0]["messageId"]]
    assert drill.run("a") is None
    assert drill.counts(quick)["hidden"] == 1
    drill.rows("delete from clarivum.job_pauses returning job")
    assert failed(handler(event(*records), Context())) == []
    assert len(drill.effects()) == 1


def test_what_cannot_end_is_not_begun_and_returns_at_once(drill: LambdaDrill) -> None:
    """One place, 0.6 s a run at most, and 6 s: 4 are reserved, so runs of 0.3 s begin in the first 1.4 s."""
    drill.send(act, *(Act(key=f"k{n}", do="sleep_then_effect", seconds=0.3) for n in range(10)))
    records = drill.receive(act, 10, visibility_s=600)
    began = time.monotonic()
    came_back = failed(drill.handler(act, concurrency=1)(event(*records), Context(6.0)))
    assert time.monotonic() - began < 4.0
    ran = len(drill.effects())
    assert 1 <= ran <= 5
    assert len(came_back) == 10 - ran
    assert drill.counts(act)["ready"] == 10 - ran, "visible at once"
    attempts = drill.rows("select attempt from clarivum.job_runs where state = 'waiting'")
    assert [row["attempt"] for row in attempts] == [0] * (10 - ran), "none of them was counted"


def test_a_function_that_is_too_short_for_its_job_says_so(
    drill: LambdaDrill, capfd: pytest.CaptureFixture[str]
) -> None:
    drill.send(slow, Slow(key="a"))
    records = drill.receive(slow, 1)
    assert failed(drill.handler()(event(*records), Context(10.0))) == [records[0]["messageId"]]
    assert drill.run("a") is None
    assert drill.counts(slow)["hidden"] == 1, "it would come back at once for ever"
    assert "the function's time limit is too short for the job" in capfd.readouterr().err


@pytest.mark.parametrize("do", ["sleep", "spin"])
def test_a_handler_that_does_not_end_is_a_failed_attempt(drill: LambdaDrill, do: Any) -> None:
    drill.send(act, Act(key="hangs", do=do), Act(key="fine"))
    records = drill.receive(act, 2)
    came_back = failed(drill.handler()(event(*records), Context(20.0)))
    assert came_back == [record["messageId"] for record in records if "hangs" in record["body"]]
    assert [entry["error"] for entry in (drill.run("hangs") or {})["history"]] == ["AttemptTimeout"]
    assert drill.state("fine") == "done"


def test_runs_of_a_batch_have_as_many_connections_as_places(drill: LambdaDrill) -> None:
    drill.send(act, *(Act(key=f"k{n}", do="sleep_then_effect", seconds=0.2) for n in range(9)))
    records = drill.receive(act, 9)
    began = time.monotonic()
    assert failed(drill.handler(concurrency=3)(event(*records), Context())) == []
    assert time.monotonic() - began >= 0.6, "three at a time"
    backends = drill.rows(
        "select count(*) as n from pg_stat_activity where application_name = 'clarivum lambda' and datname = %s",
        drill.urls.name,
    )
    assert backends[0]["n"] <= 6


def test_the_batch_mode_shares_a_transaction(drill: LambdaDrill) -> None:
    drill.send(bulk, *(Bulk(key=f"k{n}") for n in range(10)))
    assert failed(drill.handler()(event(*drill.receive(bulk, 10)), Context())) == []
    assert len(drill.effects()) == 10
    assert len(drill.rows("select distinct xmin::text from public.effects")) == 1


def test_one_of_the_batch_mode_fails_and_only_it_returns(drill: LambdaDrill) -> None:
    drill.send(bulk, *(Bulk(key=f"k{n}", fails=n == 3) for n in range(10)))
    records = drill.receive(bulk, 10)
    assert len(failed(drill.handler()(event(*records), Context()))) == 1
    assert len(drill.effects()) == 9
    assert drill.state("k3") == "waiting"


def test_connections_that_died_while_frozen_are_replaced(drill: LambdaDrill) -> None:
    handler = drill.handler()
    drill.send(quick, Quick(key="a"))
    assert failed(handler(event(*drill.receive(quick, 1)), Context())) == []
    ended = drill.rows(
        "select pg_terminate_backend(pid) as ended from pg_stat_activity where application_name = 'clarivum lambda'"
        " and datname = %s", drill.urls.name,
    )  # fmt: skip
    assert ended
    drill.send(quick, Quick(key="b"))
    assert failed(handler(event(*drill.receive(quick, 1)), Context())) == []
    assert [effect["attempt"] for effect in drill.effects()] == [1, 1]


def test_connections_live_on_between_invocations(drill: LambdaDrill) -> None:
    handler = drill.handler(concurrency=1)
    pids: list[set[int]] = []
    for key in ("a", "b"):
        drill.send(quick, Quick(key=key))
        assert failed(handler(event(*drill.receive(quick, 1)), Context())) == []
        rows = drill.rows(
            "select pid from pg_stat_activity where application_name = 'clarivum lambda' and datname = %s",
            drill.urls.name,
        )
        pids.append({row["pid"] for row in rows})
    assert pids[0]
    assert pids[0] <= pids[1]


def test_a_database_that_is_away_costs_no_attempt(drill: LambdaDrill) -> None:
    handler = drill.handler()
    drill.send(quick, Quick(key="a"))
    with psycopg.connect(drill.urls.admin, dbname="postgres", autocommit=True) as connection:
        connection.execute(f'alter database "{drill.urls.name}" allow_connections false'.encode())
        try:
            records = drill.receive(quick, 1)
            assert failed(handler(event(*records), Context())) == [records[0]["messageId"]]
        finally:
            connection.execute(f'alter database "{drill.urls.name}" allow_connections true'.encode())
    assert failed(handler(event(*drill.receive(quick, 1)), Context())) == []
    assert [effect["attempt"] for effect in drill.effects()] == [1]


class Chain(Payload):
    key: str


@job(Chain, name="drill.chain", key="key")
async def chain(payload: Chain, run: Run) -> None:
    await run.transaction.enqueue(Quick(key=payload.key))


@pytest.fixture
def chained(drill: LambdaDrill) -> LambdaDrill:
    drill.create_queues(chain, dead_letters=False)
    return drill


def test_what_a_handler_enqueues_leaves_with_the_invocation(chained: LambdaDrill) -> None:
    chained.send(chain, Chain(key="next"))
    handler = chained.handler(chain, quick)
    assert failed(handler(event(*chained.receive(chain, 1)), Context())) == []
    assert failed(handler(event(*chained.receive(quick, 1)), Context())) == []
    assert [effect["key"] for effect in chained.effects()] == ["next"]
