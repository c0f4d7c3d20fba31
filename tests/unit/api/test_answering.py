"""The platform's own paths: whatever happens, one answer, in time, with the header lines that were collected."""

import asyncio
from collections.abc import Callable
from typing import Any

import orjson
import pytest

from clarivum.api.answering import Answering, Asked
from clarivum.api.http.deadlines import Deadlines
from clarivum.api.response import JSON_HEAD, Response
from clarivum.errors import FORBIDDEN, RequestError

SCOPE = {"type": "http", "method": "GET", "path": "/own", "raw_path": b"/own", "headers": [(b"host", b"x")]}
LINE = b"set-cookie: a=b\r\n"


class Exchange:
    """One request, and what was sent for it."""

    def __init__(self, timeout_s: float = 60.0) -> None:
        self.deadlines = Deadlines()
        self.sent: list[Any] = []
        self.refusals: list[tuple[str, int]] = []
        self._answering = Answering(self.deadlines, timeout_s)

    async def run(self, answer: Callable[[Asked], Any]) -> None:
        async def send(message: Any) -> None:
            self.sent.append(message)

        def refused(error: Exception, response: Response, asked: Asked) -> None:
            self.refusals.append((type(error).__name__, response.status))

        await self._answering.answer(SCOPE, send, "/own", answer, refused=refused)

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> dict[bytes, bytes]:
        return dict(self.sent[0]["headers"])

    @property
    def code(self) -> object:
        return orjson.loads(self.sent[1]["body"])["code"]


async def test_an_answer_goes_out_with_what_was_collected() -> None:
    async def answer(asked: Asked) -> Response:
        assert asked.headers == {b"host": b"x"}
        asked.standing.append(LINE)
        return Response(200, JSON_HEAD, b"{}")

    exchange = Exchange()
    await exchange.run(answer)
    assert (exchange.status, exchange.headers[b"set-cookie"], exchange.refusals) == (200, b"a=b", [])


async def test_a_failure_is_a_problem_and_is_told() -> None:
    async def refusing(asked: Asked) -> Response:
        asked.standing.append(LINE)
        raise RequestError("no", code=FORBIDDEN)

    exchange = Exchange()
    await exchange.run(refusing)
    assert (exchange.status, exchange.code, exchange.headers[b"set-cookie"]) == (403, "forbidden", b"a=b")
    assert exchange.refusals == [("RequestError", 403)]


async def test_what_takes_too_long_is_503_and_stopped() -> None:
    stopped = asyncio.Event()

    async def waiting(asked: Asked) -> Response:
        try:
            await asyncio.Event().wait()
        finally:
            asked.standing.append(LINE)
            stopped.set()
        raise AssertionError

    exchange = Exchange(timeout_s=0.0)
    task = asyncio.create_task(exchange.run(waiting))
    await asyncio.sleep(0)
    exchange.deadlines.cancel_late(float("inf"))
    await task
    assert stopped.is_set()
    assert (exchange.status, exchange.code, exchange.headers[b"set-cookie"]) == (503, "unavailable", b"a=b")
    assert b"retry-after" in exchange.headers


async def test_whoever_is_gone_gets_no_answer() -> None:
    async def waiting(asked: Asked) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    exchange = Exchange()
    task = asyncio.create_task(exchange.run(waiting))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert exchange.sent == []
