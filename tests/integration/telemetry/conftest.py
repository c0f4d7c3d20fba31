"""Real processes with real exporters, and a collector on loopback that sees what they send."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from clarivum.telemetry import instruments
from clarivum.testing.telemetry import Collector

SERVICE = Path(__file__).parent / "service.py"


@dataclass(frozen=True)
class Ended:
    """A process that ended: exit code, log events, both outputs as bytes."""

    code: int
    out: bytes
    err: bytes

    @property
    def events(self) -> list[dict[str, Any]]:
        return [orjson.loads(line) for line in self.out.splitlines()]


Run = Callable[..., Ended]


@pytest.fixture
def run() -> Run:
    """`run("request", OTEL_…="…")`: the service, with only these variables, to its end."""

    def start(*arguments: str, **environment: str) -> Ended:
        inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        done = subprocess.run(
            [sys.executable, str(SERVICE), *arguments],
            env={**inherited, **environment},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return start


@pytest.fixture(autouse=True)
def no_metric_stays() -> Iterator[None]:
    """Metrics that a test declares are gone after it."""
    declared = set(instruments.REGISTRY)
    yield
    for name in set(instruments.REGISTRY) - declared:
        del instruments.REGISTRY[name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as receiving:
        yield receiving
