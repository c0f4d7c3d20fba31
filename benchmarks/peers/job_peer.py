"""What the job programs written in Python share: their command line, the clock, the report.

    PROGRAM setup | fill COUNT | produce COUNT INTERVAL_S | work COUNT

`fill` enqueues in bulk, `produce` one by one, each committed before the next, at least INTERVAL_S apart. `work` runs
until COUNT jobs have run and nothing is left to acknowledge. All run on uvloop, as our worker and pgqueuer's do.
The line of output that begins with RESULT is JSON; PEER holds the settings.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, Protocol

import uvloop

WARM_UP_JOBS = 50
"""The first ones, whose time to start is not counted."""
Started = Callable[[float], None]
"""Called by a job's handler with the time at which it was sent, in seconds since the epoch."""


class JobPeer(Protocol):
    """One library under test."""

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def setup(self) -> None:
        """Create what the library needs in the database."""

    async def fill(self, count: int) -> None:
        """Enqueue that many jobs, however is fastest."""

    async def enqueue(self, number: int, sent_at: float) -> None:
        """Enqueue one job and commit."""

    async def work(self, started: Started, enough: asyncio.Event) -> float | None:
        """Run jobs until `enough` is set and everything that ran is acknowledged; when that was, on perf_counter, where
        it takes longer to return."""


def settings() -> dict[str, Any]:
    """{url, concurrency, batch}: the database and how much a worker may do at once."""
    found: dict[str, Any] = json.loads(os.environ["PEER"])
    return found


def main(peer: JobPeer, arguments: list[str] | None = None) -> None:
    """Carry out one mode and print its result."""
    mode, *numbers = sys.argv[1:] if arguments is None else arguments
    sys.stdout.write(f"RESULT {json.dumps(uvloop.run(_carry_out(peer, mode, numbers)))}\n")


async def _carry_out(peer: JobPeer, mode: str, numbers: list[str]) -> dict[str, float]:
    await peer.open()
    try:
        if mode == "setup":
            await peer.setup()
            return {}
        count = int(numbers[0])
        if mode == "fill":
            await peer.fill(count)
            return {"units": count}
        if mode == "produce":
            return await _produce(peer, count, float(numbers[1]))
        return await _work(peer, count)
    finally:
        await peer.close()


async def _produce(peer: JobPeer, count: int, interval_s: float) -> dict[str, float]:
    base = time.time_ns() // 1_000
    began, cpu_before_s = time.perf_counter(), time.process_time()
    for number in range(count):
        if interval_s:
            await asyncio.sleep(max(began + number * interval_s - time.perf_counter(), 0))
        await peer.enqueue(base + number, time.time())
    seconds = time.perf_counter() - began
    return {"units": count, "seconds": seconds, "cpu_s": time.process_time() - cpu_before_s}


async def _work(peer: JobPeer, count: int) -> dict[str, float]:
    latencies_s: list[float] = []
    began = cpu_before_s = 0.0
    enough = asyncio.Event()

    def started(sent_at: float) -> None:
        nonlocal began, cpu_before_s
        if not latencies_s:
            began, cpu_before_s = time.perf_counter(), time.process_time()
        latencies_s.append(time.time() - sent_at)
        if len(latencies_s) == count:
            enough.set()

    ended = await peer.work(started, enough)
    seconds = (ended or time.perf_counter()) - began
    ordered = sorted(latencies_s[WARM_UP_JOBS:] or latencies_s)
    return {
        "units": len(latencies_s),
        "seconds": seconds,
        "cpu_s": time.process_time() - cpu_before_s,
        "p50_ms": ordered[len(ordered) // 2] * 1e3,
        "p99_ms": ordered[min(int(len(ordered) * 0.99), len(ordered) - 1)] * 1e3,
    }
