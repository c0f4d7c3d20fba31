"""What operators ask of a process: is it alive, may it have traffic, what did it count."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import orjson

from clarivum.api.answering import Answering
from clarivum.api.response import API_HEAD, JSON_HEAD, Receive, Response, Scope, Send
from clarivum.errors import UNAVAILABLE, RequestError, Violation
from clarivum.telemetry import get_logger, render_prometheus

log = get_logger(__name__)

READINESS_BUDGET_S = 2.0
METRICS_HEAD = b"content-type: text/plain; version=0.0.4; charset=utf-8\r\n" + API_HEAD
ALIVE = Response(200, JSON_HEAD, b'{"status":"alive"}')


@dataclass(frozen=True, slots=True)
class Check:
    """Something a process needs before it may have traffic. `probe` raises when it is not there."""

    name: str
    probe: Callable[[], Awaitable[None]]


class Probe:
    """Serves one of the platform's own paths. Needs no caller and no database connection of its own."""

    def __init__(self, path: str, answer: Callable[[], Awaitable[Response]], answering: Answering) -> None:
        self._path = path
        self._answer = answer
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        await self._answering.answer(scope, send, self._path, lambda asked: self._answer())


async def alive() -> Response:
    """The event loop turns. Says nothing about the database: restarting this process would not mend that."""
    return ALIVE


async def metrics() -> Response:
    """The metrics of this process, or of all that share its port, told apart by a label."""
    return Response(200, METRICS_HEAD, await asyncio.to_thread(render_prometheus))


def ready(checks: Sequence[Check]) -> Callable[[], Awaitable[Response]]:
    """Answer 200 when all checks pass within READINESS_BUDGET_S, else 503 naming those that do not."""
    body = orjson.dumps({"status": "ready", "checks": {check.name: "ok" for check in checks}})

    async def answer() -> Response:
        missing = [name for name in await asyncio.gather(*(_failing(check) for check in checks)) if name]
        if missing:
            raise RequestError(
                f"Not ready: {', '.join(missing)}.",
                code=UNAVAILABLE,
                violations=[
                    Violation(f"check:{name}", "The check fails; the log says why", "not_ready") for name in missing
                ],
            )
        return Response(200, JSON_HEAD, body)

    return answer


async def _failing(check: Check) -> str | None:
    try:
        async with asyncio.timeout(READINESS_BUDGET_S):
            await check.probe()
    except Exception as error:
        reason = getattr(error, "log", None) or getattr(error, "detail", None) or type(error).__name__
        log.warning("not ready", check=check.name, reason=reason)
        return check.name
    return None
