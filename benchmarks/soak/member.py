"""A process of the soak: `python -m benchmarks.soak.member worker|producer`, with the database's URL in SOAK_URL.

A worker reads hooks from standard input, at the next of which it ends itself, and writes a line when its first handler
ran. A producer reads `chunk first last` and writes `chunk` when its transaction was committed.
"""

import asyncio
import ctypes
import os
import signal
import sys
import threading

from benchmarks.soak.declared import JOBS, QUERIES, Fate, payload_of
from clarivum.database import WORKER, Database
from clarivum.errors import ClarivumError
from clarivum.jobs import outbox
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.worker.process import work
from clarivum.settings import Settings

PR_SET_PDEATHSIG = 1
VISIBILITY_S = 2
CONCURRENCY = 8
AGAIN_S = 0.1


def main() -> None:
    _end_with_parent()
    url = os.environ["SOAK_URL"]
    if sys.argv[1] == "producer":
        asyncio.run(_produce(url))
    else:
        threading.Thread(target=_listen, daemon=True).start()
        options = WorkerOptions(concurrency=CONCURRENCY, poll_s=0.2, visibility_s=VISIBILITY_S)
        work(JOBS, Settings.load({"CLARIVUM_LOG_LEVEL": "warning"}), database_url=url, options=options)


def _end_with_parent() -> None:
    """Have the kernel kill this process, frozen or not, when the soak ends, however it ends (Linux)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(os.environ["SOAK_PID"]):
        sys.exit(1)


def _listen() -> None:
    for line in sys.stdin:
        Fate.hook = line.strip()


async def _produce(url: str) -> None:
    loop = asyncio.get_running_loop()
    database = Database(url, pipelines=1, connections=1)
    database.outbox = outbox(JOBS)
    async with database:
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            chunk, first, last = map(int, line.split())
            await _until_committed(database, range(first, last))
            print(chunk, flush=True)


async def _until_committed(database: Database, numbers: range) -> None:
    """One transaction of orders and jobs; sent again when its outcome is unknown, which makes replays of the jobs."""
    while True:
        try:
            async with database.session(WORKER).transaction() as tx:
                for number in numbers:
                    await tx.execute(QUERIES.add_order, number=number)
                    await tx.enqueue(payload_of(number))
        except ClarivumError:
            await asyncio.sleep(AGAIN_S)
        else:
            return


if __name__ == "__main__":
    main()
