"""Hands out jobs, strikes by plan, replaces who fell, and knows when all is over."""

import random
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg

from benchmarks.soak import counting
from benchmarks.soak.crew import Crew, Member
from benchmarks.soak.member import VISIBILITY_S
from benchmarks.soak.plan import Asked, Fault, Kind
from clarivum.database.server.embedded import EmbeddedServer

WORKERS = 4
PRODUCERS = 2
CHUNK = 20
BACKLOG = 400
"""The most jobs that are sent and have no effect yet."""
HANDED = 2
TICK_S = 0.01
LOOK_S = 0.2
TELL_S = 2.0
DOOMED_S = 3.0
"""How long a worker gets to come to its hook; then it is killed from outside."""
STALE_S = 3.0
"""A fault is due by then, also when nothing moves."""
FROZEN_S = 2.0 * VISIBILITY_S
OUTSIDE = "anywhere, from outside"
Say = Callable[[str], None]


@dataclass(slots=True)
class Observed:
    """`up`: when the database accepted connections again after each restart. `killed`: workers, by where."""

    spent: Counter[Kind] = field(default_factory=Counter)
    killed: Counter[str] = field(default_factory=Counter)
    up: list[datetime] = field(default_factory=list)
    down_s: list[float] = field(default_factory=list)
    failed_starts: int = 0
    """Processes that found no database when they began, and were started again."""
    unexpected: list[str] = field(default_factory=list)
    """How processes ended that nobody had killed."""
    timed_out: bool = False


class Conductor:
    """One soak on a running, migrated server."""

    def __init__(self, server: EmbeddedServer, crew: Crew, faults: Sequence[Fault], asked: Asked, say: Say) -> None:
        self.observed = Observed()
        self._server = server
        self._url = server.admin_url()
        self._crew = crew
        self._faults = deque(faults)
        self._total = len(faults)
        self._jobs = asked.jobs
        self._limit_s = asked.limit_s
        self._chance = random.Random(asked.seed)
        self._say = say
        self._chunks = deque(range(-(-asked.jobs // CHUNK)))
        self._handed: dict[Member, list[int]] = {}
        self._acknowledged = 0
        self._done = 0
        self._queued = True
        self._began = self._struck = self._looked = self._told = time.monotonic()

    def run(self) -> None:
        """Until every job has had its effect and every fault was struck, or the time is over."""
        while not self._over():
            if time.monotonic() - self._began > self._limit_s:
                self.observed.timed_out = True
                return
            self._replace()
            self._listen()
            self._end_waits()
            self._hand_out()
            self._strike()
            self._look()
            time.sleep(TICK_S)

    def _over(self) -> bool:
        waiting = self._crew.who("worker", lambda member: bool(member.doomed_by or member.frozen_until))
        sent = not self._chunks and not any(self._handed.values())
        return sent and not self._faults and not waiting and not self._queued

    # -- who works ---------------------------------------------------------------------------------------------------
    def _replace(self) -> None:
        for member in self._crew.reap():
            self._chunks.extendleft(reversed(self._handed.pop(member, [])))
            code = member.process.returncode
            if code == -signal.SIGKILL:
                if member.role == "worker":
                    self.observed.killed[member.hook or OUTSIDE] += 1
            elif member.working:
                self.observed.unexpected.append(f"{member.role} ended with code {code}: {member.tail()}")
            else:
                self.observed.failed_starts += 1
        for role, wanted in (("worker", WORKERS), ("producer", PRODUCERS)):
            for _ in range(wanted - len(self._crew.who(role))):
                self._crew.start(role)

    def _listen(self) -> None:
        for member in self._crew.members:
            while not member.heard.empty():
                line = member.heard.get()
                member.working = True
                if member.role == "producer":
                    self._handed[member].remove(int(line))
                    self._acknowledged += 1

    def _end_waits(self) -> None:
        now = time.monotonic()
        for member in self._crew.who("worker"):
            if member.doomed_by is not None and now > member.doomed_by:
                member.hook, member.doomed_by = None, now + DOOMED_S
                member.send(signal.SIGKILL)
            if member.frozen_until is not None and now > member.frozen_until:
                member.frozen_until = None
                member.send(signal.SIGCONT)

    def _hand_out(self) -> None:
        """Only so far ahead that work is left for the faults to come."""
        sent = (self._acknowledged + sum(map(len, self._handed.values()))) * CHUNK
        allowed = self._jobs * (self._total - len(self._faults) + 1) / (self._total + 1) + BACKLOG / 2
        for member in self._crew.who("producer"):
            handed = self._handed.setdefault(member, [])
            while self._chunks and len(handed) < HANDED and sent < allowed and sent - self._done < BACKLOG:
                chunk = self._chunks.popleft()
                handed.append(chunk)
                sent += CHUNK
                if not member.say(f"{chunk} {chunk * CHUNK} {min((chunk + 1) * CHUNK, self._jobs)}"):
                    return  # it has ended; the next round finds it

    # -- what is done to them ----------------------------------------------------------------------------------------
    def _strike(self) -> None:
        if not self._faults:
            return
        struck = self._total - len(self._faults)
        due = self._done >= self._jobs * struck / (self._total + 1)
        if not due and time.monotonic() - self._struck < STALE_S:
            return
        if self._carry_out(self._faults[0]):
            self.observed.spent[self._faults.popleft().kind] += 1
            self._struck = time.monotonic()

    def _carry_out(self, fault: Fault) -> bool:
        """False: nobody is there yet whom it would hit at work."""
        if fault.kind is Kind.PRODUCER:
            busy = self._crew.who("producer", lambda member: member.working)
            if busy:
                self._chance.choice(busy).send(signal.SIGKILL)
            return bool(busy)
        at_work = self._crew.who("worker", lambda member: member.at_work)
        if len(at_work) < (2 if fault.kind is Kind.FREEZE else 1):
            return False
        member = self._chance.choice(at_work)
        if fault.kind is Kind.RESTART:
            self._restart()
        elif fault.kind is Kind.FREEZE:
            member.frozen_until = time.monotonic() + FROZEN_S
            member.send(signal.SIGSTOP)
        else:
            member.doomed_by = time.monotonic() + DOOMED_S
            member.hook = fault.hook
            if fault.hook is None or not member.say(fault.hook):
                member.send(signal.SIGKILL)
        return True

    def _restart(self) -> None:
        began = time.monotonic()
        self._server.restart(immediate=True)
        self.observed.up.append(datetime.now(UTC))
        self.observed.down_s.append(time.monotonic() - began)

    # -- what comes of it --------------------------------------------------------------------------------------------
    def _look(self) -> None:
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            with psycopg.connect(self._url, autocommit=True) as connection:
                self._done = counting.done(connection)
                self._queued = self._done < self._jobs or not counting.settled(connection)
        except psycopg.OperationalError:
            return
        if now - self._told >= TELL_S:
            self._told = now
            spent = ", ".join(f"{number} × {kind}" for kind, number in sorted(self.observed.spent.items()))
            self._say(f"{self._done:,} of {self._jobs:,} jobs, {now - self._began:.0f} s: {spent or 'no fault yet'}")
