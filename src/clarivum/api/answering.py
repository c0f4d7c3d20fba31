"""The way of a request to one of the platform's own paths: observed, answered in time, refused in one form, finished.

Routes go the same way in endpoint.py, where each step is compiled.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic

from clarivum.api.exchange import CLIENT_GONE, failed, finish, observe, too_late
from clarivum.api.http.deadlines import Deadlines
from clarivum.api.request import Headers, headers_of
from clarivum.api.response import Response, Scope, Send


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a request before it is answered. `standing` are header lines for whatever the answer will be."""

    headers: Headers
    trace_id: str
    standing: list[bytes] = field(default_factory=list)


Answer = Callable[[Asked], Awaitable[Response]]
Refused = Callable[[Exception, Response, Asked], None]
"""Told of what was raised, and of the problem that answers it."""


def untold(error: Exception, response: Response, asked: Asked) -> None:
    """Failures that nobody needs to be told of."""


class Answering:
    """Bounds every answer by `timeout_s`, as routes without a time of their own are bounded."""

    def __init__(self, deadlines: Deadlines, timeout_s: float) -> None:
        self._deadlines = deadlines
        self._timeout_s = timeout_s

    async def answer(self, scope: Scope, send: Send, route: str, answer: Answer, *, refused: Refused = untold) -> None:
        """Send what `answer` returns, or the problem document for what it raises; 503 for what takes too long."""
        headers = headers_of(scope)
        observation = observe(scope, headers, route)
        asked = Asked(headers, observation.trace_id_hex)
        deadlines, task = self._deadlines, asyncio.current_task()
        assert task is not None
        deadlines.enter(task, monotonic() + self._timeout_s)
        error_type: str | Exception | None = None
        try:
            response = await answer(asked)
        except asyncio.CancelledError:
            if not deadlines.is_late(task):
                observation.finish(CLIENT_GONE, "client_gone")
                raise
            task.uncancel()
            response, error_type = failed(too_late(self._timeout_s), scope, observation)
        except Exception as error:
            response, error_type = failed(error, scope, observation)
            refused(error, response, asked)
        finally:
            deadlines.leave(task)
        extra_head = b"".join(asked.standing)
        await finish(scope, send, observation, response, error_type=error_type, extra_head=extra_head)
