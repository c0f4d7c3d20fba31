"""What a run found, as data: kept in benchmarks/results/*.json, from which docs/benchmarks.md is made."""

from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Self

from pydantic import BaseModel, ConfigDict

from benchmarks.harness.spread import Spread

RESULTS = Path(__file__).resolve().parents[1] / "results"


class Record(BaseModel):
    """Unchangeable, and strict about its members."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Cpu(Record):
    """CPU time by who spent it: seconds of a run, or microseconds a unit of work."""

    server: float
    database: float
    generator: float

    def per_unit_us(self, units: int) -> Self:
        return type(self)(**{name: value / units * 1e6 if units else 0.0 for name, value in self.model_dump().items()})


class Run(Record):
    """One measurement of one target: `per_second` units of work, latencies where the target has them."""

    per_second: float
    units: int
    errors: int
    p50_ms: float | None
    p99_ms: float | None
    cpu_s: Cpu


class Target(Record):
    """What was measured, with every run in the order of the rounds."""

    name: str
    title: str
    note: str = ""
    runs: tuple[Run, ...]
    token_cache_hits: float | None = None
    """Share of requests whose token was found verified; None where no token is involved."""

    @property
    def per_second(self) -> Spread:
        return Spread.of([run.per_second for run in self.runs])

    @property
    def errors(self) -> int:
        return sum(run.errors for run in self.runs)

    def latency_ms(self, which: str) -> Spread | None:
        """`p50_ms` or `p99_ms` over the runs, None where it was not measured."""
        values = [value for run in self.runs if (value := getattr(run, which)) is not None]
        return Spread.of(values) if values else None

    @property
    def cpu_us(self) -> Cpu:
        """Microseconds a unit: the median of each share over the runs."""
        each = [run.cpu_s.per_unit_us(run.units) for run in self.runs]
        return Cpu(**{name: median(getattr(cpu, name) for cpu in each) for name in Cpu.model_fields})


class Missing(Record):
    """A target that could not be measured, and why."""

    title: str
    reason: str


class Aim(Record):
    """What was wanted. `measured` and `wanted` in `unit`; `at_least` says which side is good."""

    text: str
    wanted: float
    unit: str
    at_least: bool
    measured: Spread

    @property
    def met(self) -> bool:
        value = self.measured.median
        return value >= self.wanted if self.at_least else value <= self.wanted


class Layer(Record):
    """A share of the server's own time, with the functions that took most of it."""

    name: str
    share: float
    top: tuple[tuple[str, float], ...]


class Scenario(Record):
    """Targets that did the same work in the same rounds."""

    name: str
    title: str
    about: str
    unit: str
    targets: tuple[Target, ...]
    missing: tuple[Missing, ...] = ()
    aims: tuple[Aim, ...] = ()
    profile: tuple[Layer, ...] = ()
    paced: bool = False
    """Work came at a fixed pace: only its latency says something."""

    def target(self, name: str) -> Target | None:
        return next((target for target in self.targets if target.name == name), None)


class Result(Record):
    """One run of `./clarivum bench …`."""

    command: str
    date: str
    settings: dict[str, str]
    database: dict[str, str]
    versions: dict[str, str]
    scenarios: tuple[Scenario, ...]

    def save(self, name: str, folder: Path = RESULTS) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{name}.json"
        path.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return path

    @classmethod
    def load(cls, name: str, folder: Path = RESULTS) -> "Result | None":
        path = folder / f"{name}.json"
        return cls.model_validate_json(path.read_bytes()) if path.is_file() else None


def runs_of(target: Target | None, which: str) -> Sequence[float]:
    """One figure of every run, for pairing round by round; empty when the target is missing."""
    return [getattr(run, which) for run in target.runs] if target else []
