"""Limits of a job over all its processes, kept in Postgres: permits for runs at once, tokens for runs begun.

A permit is leased by a process and given back when it has nothing to run; of one that was killed it is free again after
the lease. A token is taken when a message is in hand, right before its run is claimed, and is not given back. Jobs that
declare neither never come here. Workers (worker/admission.py) and Lambda functions share the same rows: whoever holds a
message takes its token and its permit first, and postpones the message where there is none.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple
from uuid import UUID, uuid4

from clarivum.database import WORKER, Database
from clarivum.jobs.declaration import Job
from clarivum.jobs.statements import queries


class Granted(NamedTuple):
    """How many runs may begin now, and how long until another one may."""

    tokens: int
    wait_s: float


class Limits:
    """One process's way to the permits and tokens of one job. Every method is a round trip; raises DatabaseError."""

    def __init__(self, job: Job[Any], database: Database, *, lease_s: float, holder: UUID | None = None) -> None:
        """`lease_s`: how long a permit is held without `renew`. `holder`: this process, a new id if absent."""
        self.job = job
        self.lease_s = lease_s
        self._session = database.session(WORKER)
        self._holder = holder or uuid4()

    async def take_permits(self, wanted: int) -> set[int]:
        """Up to `wanted` permits that nobody holds; for a job without a limit it must not be asked."""
        assert self.job.limit is not None
        rows = await self._session.many(
            queries.take_permits,
            job=self.job.name,
            most=self.job.limit,
            wanted=wanted,
            holder=self._holder,
            lease_s=self.lease_s,
        )
        return {row["place"] for row in rows}

    async def renew(self, permits: Iterable[int]) -> set[int]:
        """Those of the permits that are still ours, for another lease."""
        rows = await self._session.many(
            queries.renew_permits,
            job=self.job.name,
            places=list(permits),
            holder=self._holder,
            lease_s=self.lease_s,
        )
        return {row["place"] for row in rows}

    async def give_back(self, permits: Iterable[int], *, wake: bool) -> None:
        """Let others have them. `wake`: tell waiting workers, which is right after a run and not after a mere look."""
        async with self._session.transaction() as tx:
            tx.defer(queries.return_permits, job=self.job.name, places=list(permits), holder=self._holder)
            if wake:
                tx.defer(queries.wake_workers, queue=self.job.queue)

    async def take_tokens(self, wanted: int) -> Granted:
        """How many of `wanted` runs may begin now; for a job without a rate it must not be asked."""
        rate = self.job.rate
        assert rate is not None
        row = await self._session.one(
            queries.take_tokens, job=self.job.name, wanted=wanted, spacing_s=rate.spacing_s, burst=rate.burst
        )
        return Granted(row["granted"], row["wait_s"])
