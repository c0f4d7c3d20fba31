"""Interleaved requests of many tenants, a tenth of them given up, from a seeded source; every answer is looked at.

The requests go through the API as its server hands them over: token, guard, contract, session, wire. Sockets are left
out, so that a million take minutes; tests/acceptance/test_isolation.py has them.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

import orjson

from benchmarks.leaks.application import NOTES
from clarivum.api.response import WHOLE_RESPONSE, ASGIApp

CALLERS = 40
GIVEN_UP = 0.1
ACTS = (
    *[("GET", "/mine", b"")] * 10,
    *[("POST", "/transact", ending) for ending in (b"ending=commit", b"ending=commit", b"ending=raise")],
    ("POST", "/transact", b"ending=divide"),
    ("GET", "/divide", b""),
    ("GET", "/poison", b""),
    ("POST", "/poison", b""),
)
EXPECTED = frozenset({200, 409, 422, 503})

Terminate = Callable[[], Awaitable[None]]


class Storm:
    """`tokens` by tenant. `foreign` and `unexpected` must stay empty; they name request numbers, and hold no rows."""

    def __init__(self, app: ASGIApp, tokens: Sequence[tuple[str, str]], seed: int) -> None:
        self._app = app
        self._callers = [(tenant, f"Bearer {token}".encode("ascii")) for tenant, token in tokens]
        self._random = random.Random(seed)
        self.begun = 0
        self.outcomes: Counter[str] = Counter()
        self.looked_at = 0
        self.foreign: list[str] = []
        self.unexpected: list[str] = []

    async def run(self, requests: int, *, terminate: Terminate, terminate_every: int) -> None:
        """`terminate` ends a random database connection, after every so many requests."""
        numbers = iter(range(requests))
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLERS):
                group.create_task(self._caller(numbers, terminate, terminate_every))

    async def _caller(self, numbers: Iterator[int], terminate: Terminate, terminate_every: int) -> None:
        dice = self._random
        for number in numbers:
            self.begun += 1
            if number % terminate_every == terminate_every - 1:
                await terminate()
                self.outcomes["connections ended"] += 1
            (tenant, bearer), act = dice.choice(self._callers), dice.choice(ACTS)
            if dice.random() < GIVEN_UP:
                task = asyncio.ensure_future(self._ask(number, tenant, bearer, act))
                for _ in range(dice.randrange(5)):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
                self.outcomes["given up" if task.cancelled() else "answered before it was given up"] += 1
            else:
                await self._ask(number, tenant, bearer, act)

    async def _ask(self, number: int, tenant: str, bearer: bytes, act: tuple[str, str, bytes]) -> None:
        method, path, query = act
        answers: list[tuple[int, bytes]] = []
        scope: dict[str, Any] = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "path": path,
            "raw_path": path.encode("ascii"),
            "query_string": query,
            "root_path": "",
            "scheme": "http",
            "headers": [(b"host", b"api.test"), (b"authorization", bearer)],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "extensions": {WHOLE_RESPONSE: lambda status, _head, body: answers.append((status, body))},
        }
        await self._app(scope, _nothing, _never)
        (status, body) = answers[0]
        self.outcomes[f"answered {status}"] += 1
        if status == 200:
            self._look(number, tenant, orjson.loads(body))
        elif status not in EXPECTED or b"tenant-" in body:
            self.unexpected.append(f"request {number}: {method} {path} was answered {status}")

    def _look(self, number: int, tenant: str, answer: dict[str, Any]) -> None:
        self._compare(number, tenant, answer.get("before") or answer)
        if "before" in answer:
            self._compare(number, tenant, answer["after"])
            worker = answer["as_worker"]
            if (worker["role"], worker["subject"]) != ("clarivum_worker", tenant) or answer["touched"] != NOTES:
                self.foreign.append(f"request {number}: as the worker, or what it changed, was not the caller's")

    def _compare(self, number: int, tenant: str, seen: dict[str, Any]) -> None:
        self.looked_at += 1
        if seen != {"role": "authenticated", "subject": tenant, "notes": NOTES, "tenants": [tenant]}:
            self.foreign.append(f"request {number}: role, subject or rows were not the caller's")


async def _nothing() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _never(message: object) -> None:
    raise AssertionError(message)
