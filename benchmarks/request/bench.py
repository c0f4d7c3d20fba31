"""What the request scenarios share: the options of a run and the parts that are up while it lasts."""

from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.identity import Identity
from benchmarks.harness.load import Load, send_load
from benchmarks.harness.profiling import profile
from benchmarks.harness.results import Layer
from benchmarks.harness.rounds import Say
from benchmarks.harness.scratch import Scratch

PROFILE_S = 8.0
PROFILE_START_S = 2.0
"""What the sampler takes to attach."""
NUMBERS_A_RUN = 10_000_000
"""Distance between the counters of two runs, so that no two requests of a whole measurement are alike."""


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure. `seconds` is one run of one target; `warm_up_s` precedes the first round."""

    data: Path
    postgres: int = 18
    runs: int = 5
    seconds: float = 4.0
    warm_up_s: float = 4.0
    connections: int = 32
    rows: int = 200_000
    peers: bool = True
    profile: bool = False

    @property
    def folder(self) -> Path:
        return self.data / "bench"


@dataclass(slots=True)
class Bench:
    """A running bench. Owned by one thread."""

    options: Options
    scratch: Scratch
    identity: Identity
    say: Say
    loads: int = 0

    def profile(self, port: int, pid: int, requests: list[bytes]) -> tuple[Layer, ...]:
        """Where the server with this process id spends its time under load; nothing unless the options ask for it."""
        if not self.options.profile:
            return ()
        self.say("profiling ours")
        return profile(
            pid, lambda: self.send(port, requests, PROFILE_S + PROFILE_START_S), self.options.data, PROFILE_S
        )

    def send(self, port: int, requests: list[bytes], seconds: float) -> Load:
        """One load on a loopback port, with numbers that no earlier load used."""
        self.loads += 1
        return send_load(
            port,
            requests,
            self.options.folder,
            connections=self.options.connections,
            seconds=seconds,
            first_number=self.loads * NUMBERS_A_RUN,
        )
