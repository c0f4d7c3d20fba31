"""Limits over all workers hold in a Lambda function as well, on the same permits and tokens; and windows of a key."""

import asyncio

import pytest

from clarivum.database import Database
from clarivum.jobs.limits import Limits
from clarivum.jobs.message import SCHEMA_VERSION, UNIQUE_FROM, run_id_of
from tests.integration.jobs.drill_semantics import Narrow, Paced, narrow, paced, windowed
from tests.integration.jobs.lambda_drill import Context, LambdaDrill, event, failed, lambda_drill

__all__ = ["lambda_drill"]


@pytest.fixture
def drill(lambda_drill: LambdaDrill) -> LambdaDrill:
    lambda_drill.create_queues(narrow, paced, windowed, dead_letters=False)
    return lambda_drill


def spans(drill: LambdaDrill) -> list[tuple[float, float]]:
    texts = [path.read_text().split() for path in drill.notes.glob("span.*")]
    return [(float(began), float(ended)) for began, ended in texts]


def test_a_function_runs_no_more_at_once_than_the_limit_and_gives_its_permits_back(drill: LambdaDrill) -> None:
    drill.send(narrow, *(Narrow(key=f"k{n}", seconds=0.1) for n in range(8)))
    records = drill.receive(narrow, 8)
    assert failed(drill.handler(narrow, concurrency=8)(event(*records), Context())) == []
    assert len(drill.effects()) == 8
    ran = spans(drill)
    assert max(sum(began <= at < ended for began, ended in ran) for at, _ in ran) == 3
    held = drill.rows("select 1 from clarivum.job_permits where free_at > now()")
    assert held == []


def test_what_gets_no_permit_comes_back_unclaimed(drill: LambdaDrill) -> None:
    async def hold(places: int) -> None:
        async with Database(drill.urls.app, pipelines=1, connections=1) as database:
            assert len(await Limits(narrow, database, lease_s=60).take_permits(places)) == places

    asyncio.run(hold(3))
    drill.send(narrow, Narrow(key="a"))
    records = drill.receive(narrow, 1)
    assert failed(drill.handler(narrow)(event(*records), Context())) == [records[0]["messageId"]]
    assert drill.effects() == []
    assert drill.run("a") is None, "no attempt was counted"


def test_what_gets_no_token_comes_back_when_one_is_due(drill: LambdaDrill) -> None:
    drill.send(paced, *(Paced(key=f"k{n}") for n in range(6)))
    records = drill.receive(paced, 6, visibility_s=600)
    came_back = failed(drill.handler(paced)(event(*records), Context()))
    assert came_back == [record["messageId"] for record in records[2:]], "two at once is what 20/second allows"
    assert {effect["key"] for effect in drill.effects()} == {"k0", "k1"}
    again = drill.receive(paced, 4)
    assert {record["messageId"] for record in again} == set(came_back), "after a second, not after their visibility"


def test_what_came_for_a_token_many_times_in_vain_comes_back_later_than_others(drill: LambdaDrill) -> None:
    drill.send(paced, *(Paced(key=f"k{n}") for n in range(4)))
    records = drill.receive(paced, 4, visibility_s=600)
    records[2]["attributes"]["ApproximateReceiveCount"] = "400"
    came_back = failed(drill.handler(paced)(event(*records), Context()))
    assert came_back == [record["messageId"] for record in records[2:]]
    [again] = drill.receive(paced, 1)
    assert again["messageId"] == records[3]["messageId"]
    assert drill.counts(paced) == {"ready": 0, "hidden": 4, "delayed": 0}, "two are done, and Lambda deletes them"


def test_the_window_of_a_key_travels_with_the_message(drill: LambdaDrill) -> None:
    for unique_from in (1_795_636_800, 1_795_640_400, 1_795_640_400):
        drill.send_raw(windowed, '{"key": "a"}', {UNIQUE_FROM: str(unique_from), SCHEMA_VERSION: "1"})
    records = drill.receive(windowed, 3)
    assert failed(drill.handler(windowed)(event(*records), Context())) == []
    runs = drill.rows("select run_id, replays from clarivum.job_runs order by replays")
    assert [(run["run_id"], run["replays"]) for run in runs] == [
        (run_id_of(windowed.name, "a", 1_795_636_800), 0),
        (run_id_of(windowed.name, "a", 1_795_640_400), 1),
    ]
