"""Load from a process of its own: `wrk` where it is installed, else a small one in Python on raw sockets.

Both send the same prepared requests from a file, over connections that are kept open, each connection one request at a
time, and time every answer. The file holds whole HTTP/1.1 requests separated by NUL bytes. Where a request must differ
each time, `@@@@@@@@@@@@` in it becomes a counter of twelve digits, and `@@@@:@@@@:@@@@` the same digits in an IPv6
address; neither changes the length.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from clarivum.errors import DependencyDownError

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
NUMBER = "@@@@@@@@@@@@"
ADDRESS = "@@@@:@@@@:@@@@"
GRACE_S = 20.0


class LoadError(DependencyDownError):
    """A program that measures, or is measured, failed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What one run of load brought: counts, wall time, latency percentiles, and the CPU the generator itself used."""

    requests: int
    seconds: float
    errors: int
    p50_ms: float
    p99_ms: float
    generator_cpu_s: float

    @property
    def per_second(self) -> float:
        return self.requests / self.seconds if self.seconds else 0.0


def generator_name() -> str:
    """The generator that will be used, with its version."""
    program = shutil.which("wrk")
    if program is None:
        return "sockets.py (Python; install wrk for a cheaper one)"
    text = subprocess.run([program, "-v"], capture_output=True, text=True, check=False).stdout
    return " ".join(text.split()[:2]) or "wrk"


def http_request(method: str, target: str, headers: dict[str, str], body: str = "") -> bytes:
    """One prepared HTTP/1.1 request."""
    lines = [f"{method} {target} HTTP/1.1", "host: 127.0.0.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(body.encode())}"]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


def send_load(
    port: int, requests: Sequence[bytes], scratch: Path, *, connections: int, seconds: float, first_number: int = 0
) -> Load:
    """Send `requests` in turn for `seconds`; numbers start above `first_number`. Raises LoadError."""
    file = scratch / "requests.bin"
    file.write_bytes(b"\0".join(requests))
    if program := shutil.which("wrk"):
        # wrk takes whole seconds.
        command = [program, "-t1", f"-c{connections}", f"-d{max(round(seconds), 1)}s", "--timeout", "10s"]
        command += ["-s", str(HERE / "wrk.lua"), f"http://127.0.0.1:{port}", "--", str(file), str(first_number)]
    else:
        command = [sys.executable, "-m", "benchmarks.harness.sockets", str(port), str(file), str(first_number)]
        command += [str(connections), str(seconds)]
    answer, cpu_s = run_timed(command, seconds + GRACE_S)
    try:
        result = json.loads(answer.splitlines()[-1])
        return Load(**result, generator_cpu_s=cpu_s)
    except (IndexError, ValueError, TypeError) as error:
        raise LoadError(f"the load generator gave no result: {answer[-300:]!r}") from error


def run_timed(command: Sequence[str], timeout_s: float, environ: Mapping[str, str] | None = None) -> tuple[str, float]:
    """Run a program to its end; its standard output and the CPU seconds it used. Raises LoadError."""
    before_s = children_cpu_seconds()
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            cwd=ROOT,
            timeout=timeout_s,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(environ or {})},
        )
    except subprocess.TimeoutExpired:
        raise LoadError(f"{Path(command[0]).name} did not end within {timeout_s:.0f} s") from None
    if done.returncode:
        raise LoadError(f"{Path(command[0]).name} ended with code {done.returncode}: {done.stderr[-600:].strip()}")
    return done.stdout, children_cpu_seconds() - before_s


def children_cpu_seconds() -> float:
    """User and system time of every child that ended so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
