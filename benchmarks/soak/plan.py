"""Which fault comes when. Pure: the same seed gives the same plan."""

import random
from dataclasses import dataclass
from enum import StrEnum

from benchmarks.soak.declared import HOOKS


@dataclass(frozen=True, slots=True)
class Asked:
    """What to run. `limit_s`: when to give up."""

    jobs: int
    kills: int
    restarts: int
    seed: int
    transport: str = "pgmq"
    postgres: int = 18
    limit_s: float = 900.0


class Kind(StrEnum):
    KILL = "worker killed"
    FREEZE = "worker frozen"
    PRODUCER = "producer killed"
    RESTART = "database restarted"


@dataclass(frozen=True, slots=True)
class Fault:
    """`hook`: where a worker ends itself; None: it is killed from outside, wherever it is."""

    kind: Kind
    hook: str | None = None


def plan(asked: Asked) -> list[Fault]:
    """As many as asked for, and beside every twenty kills a frozen worker and a killed producer; in random order."""
    chance = random.Random(asked.seed)
    points: tuple[str | None, ...] = (*HOOKS, None)
    others = -(-asked.kills // 20)
    faults = [
        *(Fault(Kind.KILL, points[number % len(points)]) for number in range(asked.kills)),
        *(Fault(Kind.RESTART) for _ in range(asked.restarts)),
        *(Fault(Kind.FREEZE) for _ in range(others)),
        *(Fault(Kind.PRODUCER) for _ in range(others)),
    ]
    chance.shuffle(faults)
    return faults
