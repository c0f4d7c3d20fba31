"""A key that is unique within a window: one run in it, another in the next, whatever becomes of the first."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from clarivum.database import ANONYMOUS, Database
from clarivum.jobs import control
from clarivum.jobs.control import Cancelled
from clarivum.jobs.message import UNIQUE_FROM, run_id_of
from clarivum.jobs.outbox import JobOutbox
from clarivum.jobs.redrive import redrive
from clarivum.jobs.transports.pgmq import PgmqTransport
from clarivum.jobs.transports.queues import ensure_queues
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_semantics import Windowed, windowed

NOW = datetime.now(UTC)
THIS_HOUR = int(NOW.timestamp()) // 3_600 * 3_600


class SetClock:
    """A producer's clock that a test sets."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return 0.0


@pytest.fixture
def windowing(drill: Drill) -> Drill:
    drill.jobs = [windowed]
    ensure_queues(drill.urls.admin, drill.jobs)
    return drill


async def enqueue_at(drill: Drill, moment: datetime, *payloads: Windowed) -> list[UUID]:
    async with Database(drill.urls.app, pipelines=1, connections=1) as database:
        database.outbox = JobOutbox([windowed], PgmqTransport(database), clock=SetClock(moment))
        async with database.session(ANONYMOUS).transaction() as tx:
            return [await tx.enqueue(payload) for payload in payloads]


def hours_ago(hours: int, second: int = 0) -> datetime:
    return datetime.fromtimestamp(THIS_HOUR, UTC) - timedelta(hours=hours, seconds=-second)


async def test_the_same_key_is_one_run_within_its_window_and_another_after_it(windowing: Drill) -> None:
    [first] = await enqueue_at(windowing, hours_ago(2), Windowed(key="a"))
    [again] = await enqueue_at(windowing, hours_ago(2, 3_599), Windowed(key="a"))
    [later] = await enqueue_at(windowing, hours_ago(1), Windowed(key="a"))
    assert first == again != later
    assert first == run_id_of(windowed.name, "a", THIS_HOUR - 7_200)
    async with windowing.working(windowed):
        await windowing.eventually(lambda: windowing.depth(windowed) == 0, "all are dealt with")
    assert len(windowing.effects("a")) == 2
    runs = windowing.rows("select run_id, key, replays from clarivum.job_runs order by enqueued_at")
    assert [(run["run_id"], run["key"], run["replays"]) for run in runs] == [(first, "a", 1), (later, "a", 0)]


async def test_a_dead_run_stays_its_windows_and_is_redriven_as_itself(windowing: Drill) -> None:
    [run_id] = await enqueue_at(windowing, hours_ago(2), Windowed(key="a", fails=True))
    async with windowing.working(windowed):
        await windowing.eventually(lambda: windowing.state("a") == "dead", "it is dead")
    windowing.rows("update clarivum.dead_letters set payload = payload || '{\"fails\": false}' returning 1")
    [same] = await enqueue_at(windowing, hours_ago(2, 60), Windowed(key="a"))
    assert same == run_id
    async with Database(windowing.urls.app, pipelines=1, connections=1) as database:
        assert await redrive(database, windowed, [run_id]) == [run_id]
    async with windowing.working(windowed):
        await windowing.eventually(lambda: windowing.depth(windowed) == 0, "the queue is empty")
    assert len(windowing.effects("a")) == 1, "the redriven one and the one enqueued again are the same run"
    assert windowing.rows("select run_id, state from clarivum.job_runs") == [{"run_id": run_id, "state": "done"}]


async def test_a_message_without_a_window_belongs_to_the_one_in_which_the_queue_got_it(windowing: Drill) -> None:
    windowing.send_raw(windowed, '{"key": "a", "fails": true}')
    async with windowing.working(windowed):
        await windowing.eventually(lambda: windowing.state("a") == "dead", "it is dead")
    enqueued_at = windowing.run("a")["enqueued_at"]
    began = int(enqueued_at.timestamp()) // 3_600 * 3_600
    assert windowing.run("a")["run_id"] == run_id_of(windowed.name, "a", began)
    [letter] = windowing.letters()
    assert letter["headers"][UNIQUE_FROM] == str(began), "kept, so that a redrive next month is the same run"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("soon", "not a time in whole seconds"),
        ("-3600", "not a time in whole seconds"),
        ("1" * 12, "not a time in whole seconds"),
        (str(THIS_HOUR + 7_200), "lies in the future of the message"),
    ],
)
async def test_a_forged_window_is_a_dead_letter(windowing: Drill, header: str, reason: str) -> None:
    windowing.send_raw(windowed, '{"key": "a"}', {UNIQUE_FROM: header})
    async with windowing.working(windowed):
        await windowing.eventually(windowing.letters, "it is rejected")
    [letter] = windowing.letters()
    assert reason in letter["message"]
    assert windowing.effects() == []


async def test_a_key_is_cancelled_for_its_window_only(windowing: Drill) -> None:
    async with Database(windowing.urls.app, pipelines=1, connections=1) as database:
        outcomes = [
            await control.cancel_key(database, windowed, "a", reason="", at=hours_ago(2, second)) for second in (7, 8)
        ]
        assert outcomes == [Cancelled.BEFORE_IT_BEGAN, Cancelled.TOO_LATE]
    await enqueue_at(windowing, hours_ago(2), Windowed(key="a"))
    await enqueue_at(windowing, hours_ago(1), Windowed(key="a"))
    async with windowing.working(windowed):
        await windowing.eventually(lambda: windowing.depth(windowed) == 0, "both are dealt with")
    states = windowing.rows("select state from clarivum.job_runs order by state")
    assert [row["state"] for row in states] == ["cancelled", "done"]
    assert len(windowing.effects("a")) == 1
