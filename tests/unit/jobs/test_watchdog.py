"""Handlers that hold the event loop. In processes of their own: a signal goes to the main thread."""

import subprocess
import sys

SCRIPT = """
import asyncio, hashlib, sys, time, uvloop
from clarivum.jobs.failure import AttemptTimeout
from clarivum.jobs.worker.watchdog import Watchdog

def spin():
    while True:
        try:
            pass
        except Exception:
            pass

BLOCKS = {
    "spin": spin,
    "sleep": lambda: time.sleep(60),
    "c": lambda: hashlib.pbkdf2_hmac("sha256", b"", b"", 2**31 - 1),
}

async def handler(watchdog, block):
    watchdog.deadlines[asyncio.current_task()] = time.monotonic() + 0.2
    try:
        block()
    except AttemptTimeout:
        return "interrupted"

async def innocent():
    # overdue, but not what blocks
    await asyncio.sleep(60)

async def main():
    watchdog = Watchdog(patience_s=0.5)
    watchdog.start()
    other = asyncio.create_task(innocent())
    watchdog.deadlines[other] = time.monotonic()
    print(await asyncio.create_task(handler(watchdog, BLOCKS[sys.argv[2]])))
    assert not other.done()
    watchdog.stop()

{"asyncio": asyncio.run, "uvloop": uvloop.run}[sys.argv[1]](main())
"""


def outcome(loop: str, block: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", SCRIPT, loop, block], capture_output=True, text=True, timeout=30, check=False
    )


def test_an_endless_loop_is_interrupted_on_uvloop() -> None:
    assert outcome("uvloop", "spin").stdout.endswith("interrupted\n")


def test_a_blocking_call_is_interrupted_on_asyncio() -> None:
    assert outcome("asyncio", "sleep").stdout.endswith("interrupted\n")


def test_a_call_into_c_that_does_not_return_ends_the_process() -> None:
    done = outcome("asyncio", "c")
    assert done.returncode == 70
    assert "pbkdf2_hmac" in done.stderr or "<lambda>" in done.stderr, "the stack says where"
