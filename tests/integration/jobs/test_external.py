"""`run.once`: an effect outside the database is not had again by a later attempt, and its answer stays."""

import signal
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from clarivum.database import WORKER, Database
from clarivum.jobs import Run
from clarivum.jobs.external import Answers
from clarivum.jobs.transports.queues import ensure_queues
from tests.integration.jobs.conftest import Drill
from tests.integration.jobs.drill_semantics import Refund, refund


@pytest.fixture
def refunding(drill: Drill, monkeypatch: pytest.MonkeyPatch) -> Drill:
    drill.jobs = [refund]
    ensure_queues(drill.urls.admin, drill.jobs)
    monkeypatch.setenv("DRILL_NOTES", str(drill.notes))
    return drill


def calls(drill: Drill) -> list[str]:
    """The idempotency keys that the partner saw."""
    return [path.read_text() for path in sorted(drill.notes.glob("call.*"))]


def answers(drill: Drill) -> set[str]:
    """Of which attempt each attempt got the answer."""
    return {path.read_text() for path in drill.notes.glob("answer.*")}


async def test_attempts_that_fail_afterwards_do_not_call_again(refunding: Drill) -> None:
    [run_id] = await refunding.enqueue(Refund(key="a", fails_until=2))
    async with refunding.working(refund):
        await refunding.eventually(lambda: refunding.state("a") == "done", "the third attempt succeeds")
    assert calls(refunding) == [f"{run_id}.partner.refund"]
    assert answers(refunding) == {"1"}
    assert [effect["attempt"] for effect in refunding.effects("a")] == [3]


@pytest.mark.parametrize(("kill", "asked"), [("before", 1), ("between", 2), ("after", 1)])
async def test_a_process_killed_around_the_answer(refunding: Drill, kill: str, asked: int) -> None:
    """Between answer and note is the gap: it asks again, with the same key. Before and after it does not."""
    [run_id] = await refunding.enqueue(Refund(key="a", kill=kill))
    first = refunding.start(refund, visibility_s=1)
    assert first.wait() == -signal.SIGKILL
    refunding.start(refund, visibility_s=1)
    refunding.until(lambda: refunding.state("a") == "done", "another worker finished it")
    assert calls(refunding) == [f"{run_id}.partner.refund"] * asked
    assert len(refunding.effects("a")) == 1


async def test_an_answer_that_cannot_be_kept_gives_the_run_up(refunding: Drill) -> None:
    await refunding.enqueue(Refund(key="a", answer_bytes=16 * 1024))
    async with refunding.working(refund):
        await refunding.eventually(lambda: refunding.state("a") == "dead", "it is given up")
    [letter] = refunding.letters()
    assert (letter["error"], letter["attempts"]) == ("AnswerError", 1)
    assert len(calls(refunding)) == 1


async def test_the_first_answer_is_everybodys(refunding: Drill) -> None:
    """Two attempts at once, as when a lease was lost: both ask, and both go on with what was noted first."""
    run_id = uuid4()

    async def other(key: str) -> str:
        async with Database(refunding.urls.app, pipelines=1, connections=1) as second:

            async def ask(key: str) -> str:
                return "theirs"

            assert await Answers(second, refund.name, run_id).once("partner.refund", ask) == "theirs"
        return "ours"

    async with Database(refunding.urls.app, pipelines=1, connections=1) as database:
        assert await Answers(database, refund.name, run_id).once("partner.refund", other) == "theirs"


@pytest.mark.parametrize("answer", [None, [], "text", 0, {"a": [1, None]}])
async def test_every_json_value_is_remembered(refunding: Drill, answer: object) -> None:
    run_id, asked = uuid4(), []

    async def ask(key: str) -> object:
        asked.append(key)
        return answer

    async with Database(refunding.urls.app, pipelines=1, connections=1) as database:
        book = Answers(database, refund.name, run_id)
        assert [await book.once("x", ask) for _ in range(2)] == [answer, answer]
    assert asked == [f"{run_id}.x"]


async def test_the_first_attempt_gets_what_every_later_one_gets(refunding: Drill) -> None:
    run_id, told = uuid4(), {"at": datetime(2026, 11, 26, tzinfo=UTC), "id": UUID(int=1), "pair": (1, 2)}

    async def ask(key: str) -> dict[str, object]:
        return told

    async with Database(refunding.urls.app, pipelines=1, connections=1) as database:
        book = Answers(database, refund.name, run_id)
        first, second = [await book.once("x", ask) for _ in range(2)]
        by_hand = Run(run_id, refund.name, "a", 1, database.session(WORKER).transaction(), 0.0)
        assert await by_hand.once("x", ask) == first == second
    assert first == {"at": "2026-11-26T00:00:00+00:00", "id": str(UUID(int=1)), "pair": [1, 2]}


@pytest.mark.parametrize("name", ["", "Stripe", "1st", "a b", "a\x00", "x" * 65])
async def test_a_name_that_is_none_is_refused_before_the_call(refunding: Drill, name: str) -> None:
    async def ask(key: str) -> None:
        raise AssertionError("not asked")

    async with Database(refunding.urls.app, pipelines=1, connections=1) as database:
        with pytest.raises(ValueError, match="does not name an effect"):
            await Answers(database, refund.name, UUID(int=0)).once(name, ask)
