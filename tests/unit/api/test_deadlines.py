"""Requests that are late are cancelled, and know that it was the deadline."""

import asyncio

from clarivum.api.http.deadlines import Deadlines


async def test_only_what_is_late_is_cancelled() -> None:
    deadlines = Deadlines()
    late: list[bool] = []

    async def request(at: float) -> str:
        task = asyncio.current_task()
        assert task is not None
        deadlines.enter(task, at)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            late.append(deadlines.is_late(task))
            raise
        finally:
            deadlines.leave(task)
        return "never"

    early, patient = asyncio.create_task(request(10.0)), asyncio.create_task(request(20.0))
    await asyncio.sleep(0)
    deadlines.cancel_late(9.9)
    deadlines.cancel_late(10.0)
    await asyncio.wait([early])
    assert early.cancelled()
    assert not patient.done()
    patient.cancel()
    await asyncio.wait([patient])
    assert late == [True, False]


async def test_what_has_left_is_not_cancelled() -> None:
    deadlines = Deadlines()
    task = asyncio.create_task(asyncio.Event().wait())
    deadlines.enter(task, 1.0)  # type: ignore[arg-type]
    deadlines.leave(task)  # type: ignore[arg-type]
    deadlines.cancel_late(2.0)
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()


async def test_the_watch_starts_once_and_stops() -> None:
    deadlines = Deadlines(tick_s=0.001)
    deadlines.start()
    deadlines.start()
    task: asyncio.Task[object] = asyncio.create_task(asyncio.Event().wait())
    deadlines.enter(task, 0.0)
    await asyncio.wait([task], timeout=5)
    assert task.cancelled()
    await deadlines.stop()
    await deadlines.stop()
