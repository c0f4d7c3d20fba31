"""Sessions and tokens that ended before their time, known to every process at once.

A process keeps what was revoked in memory: read at the start, told by NOTIFY as it happens, and compared with the table
every ten seconds. While it cannot be sure of its memory, because it has just started or the database has been silent
for longer, each request asks the table: what was revoked is never accepted for want of news.
"""

import asyncio
import math
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal

import orjson

from clarivum.auth.audit import AuditEvent, audit_in
from clarivum.auth.instruments import REVOCATIONS, log
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import WORKER, Database, Transaction, load_queries
from clarivum.errors import RequestError

CHANNEL = "clarivum_session_revocations"
CAPACITY = 50_000
COMPARE_EVERY_S = 10.0
TRUSTED_FOR_S = 30.0
OVERLAP_S = 60.0
"""How far each comparison looks back behind the last one: longer than a transaction that revokes takes."""
KEPT_S = 31 * 86_400.0
"""Longer than the 30 days that an access token of Auth0 lives at most, and a session by CLARIVUM_SESSION_MAX_AGE_S.

A session's idle time does not bound it: a front end that shares the session may write its cookie anew.
"""
FORGOTTEN_AT_ONCE = 5

Kind = Literal["subject", "session"]
Reason = Literal["logout", "replaced", "refused", "administrator"]

queries = load_queries(__file__)


def revoke_subject_in(tx: Transaction, subject: str, reason: Reason) -> None:
    """As Revocations.revoke_subject, when the transaction commits. The caller writes the audit event."""
    with tx.as_worker():
        tx.defer(queries.revoke, kind="subject", name=subject, reason=reason, kept_s=KEPT_S)
    tx.on_commit(lambda: REVOCATIONS.add(1, "subject", reason))


class RevocationList:
    """What is revoked, in the memory of this process: at most `capacity` entries, the newest. Pure but for its clock.

    Of what had no room it knows how new it is: nothing that was issued later is meant by it. So a table that outgrows
    the memory costs a look at the table for old tokens and sessions alone.
    """

    def __init__(self, clock: Clock, capacity: int = CAPACITY) -> None:
        self._clock = clock
        self._capacity = capacity
        self._before: OrderedDict[tuple[Kind, str], float] = OrderedDict()
        self._trusted_until = -math.inf
        self._left_out_until = -1.0  # before whatever was issued: nothing was left out
        self.compared_until = 0.0
        """The latest moment of revocation that the table held when it was read, in seconds since the epoch.

        What was announced since does not count: something older may have been missed.
        """

    def __len__(self) -> int:
        return len(self._before)

    def verdict(self, kind: Kind, name: str, issued_at: float) -> bool | None:
        """Whether what was issued at that time is revoked; None when only the table can say.

        Issuers write times in whole seconds, so that a token issued in the second of a revocation may be older than it:
        it counts as revoked.
        """
        before = self._before.get((kind, name))
        if before is not None and is_revoked(issued_at, before):
            return True
        unknown = self._clock.monotonic() >= self._trusted_until or is_revoked(issued_at, self._left_out_until)
        return None if unknown else False

    def add(self, kind: Kind, name: str, revoked_before: float) -> None:
        """Take an entry in, unless a later one of that name is known already."""
        self._put((kind, name), revoked_before)
        self._make_room()

    def compare(self, rows: Sequence[Mapping[str, Any]], *, whole: bool) -> None:
        """Take in what the table holds, oldest first, and trust the memory from now on.

        Without `whole`, older rows were left out of `rows`.
        """
        for row in rows:
            self._put((row["kind"], row["name"]), row["revoked_before"])
            self.compared_until = max(self.compared_until, row["revoked_before"])
        if not whole:
            self._left_out_until = max(self._left_out_until, rows[0]["revoked_before"])
        self._make_room()
        self._trusted_until = self._clock.monotonic() + TRUSTED_FOR_S

    def _put(self, key: tuple[Kind, str], revoked_before: float) -> None:
        if self._before.get(key, -math.inf) > revoked_before:
            return
        self._before[key] = revoked_before
        self._before.move_to_end(key)

    def _make_room(self) -> None:
        """Let go of the oldest: those that end nothing any more, and those above capacity."""
        over = self._clock.now().timestamp() - KEPT_S
        while self._before:
            revoked_before = next(iter(self._before.values()))
            if revoked_before > over:
                if len(self._before) <= self._capacity:
                    return
                self._left_out_until = max(self._left_out_until, revoked_before)
            self._before.popitem(last=False)


def is_revoked(issued_at: float, revoked_before: float) -> bool:
    """Whether something issued at that time, known in whole seconds, may be from before the revocation."""
    return math.floor(issued_at) <= math.floor(revoked_before)


class Revocations:
    """Revokes, and answers whether something is revoked. `open` and `close` belong to the event loop that serves."""

    def __init__(self, database: Database, clock: Clock = SYSTEM_CLOCK, *, capacity: int = CAPACITY) -> None:
        self._database = database
        self._capacity = capacity
        self.memory = RevocationList(clock, capacity)
        self._tasks: list[asyncio.Task[None]] = []

    def open(self) -> None:
        """Start listening. Returns at once: until the table was read, each question goes to it."""
        self._tasks = [
            asyncio.create_task(self._listen(), name="revocations"),
            asyncio.create_task(self._compare_regularly(), name="revocations, compared"),
        ]

    async def close(self) -> None:
        """Stop listening."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def verdict(self, kind: Kind, name: str, issued_at: float) -> bool | None:
        """Whether what was issued at that time is revoked; None when `is_revoked` has to be asked. No I/O."""
        return self.memory.verdict(kind, name, issued_at)

    async def is_revoked(self, kind: Kind, name: str, issued_at: float) -> bool:
        """Whether what was issued at that time is revoked. Raises RequestError `unavailable` when nobody can say."""
        verdict = self.memory.verdict(kind, name, issued_at)
        if verdict is None:
            row = await self._database.session(WORKER).maybe(queries.revocation, kind=kind, name=name)
            verdict = row is not None and is_revoked(issued_at, row["revoked_before"])
        return verdict

    async def revoke_subject(self, subject: str, reason: Reason) -> float:
        """End every session of a person and every token that was issued until now, in all processes.

        Returns the moment, in seconds since the epoch.
        """
        return await self._revoke("subject", subject, reason)

    async def revoke_session(self, session_id: str, reason: Reason) -> None:
        """End one session of our own login, in all processes."""
        await self._revoke("session", session_id, reason)

    async def _revoke(self, kind: Kind, name: str, reason: Reason) -> float:
        session = self._database.session(WORKER)
        # A session's id is nobody's name; its digest tells two apart.
        subject = name if kind == "subject" else f"session:{sha256(name.encode()).hexdigest()[:16]}"
        async with session.transaction() as tx:
            audit_in(tx, AuditEvent("revocation", "done", reason, subject=subject))
            row = await tx.one(queries.revoke, kind=kind, name=name, reason=reason, kept_s=KEPT_S)
        REVOCATIONS.add(1, kind, reason)
        self.memory.add(kind, name, row["revoked_before"])
        with suppress(RequestError):  # what is left lies there until the next time
            await session.execute(queries.forget_expired_revocations, count=FORGOTTEN_AT_ONCE)
        return float(row["revoked_before"])

    async def _listen(self) -> None:
        async for payload in self._database.listen(CHANNEL):
            if payload is None:  # what was announced meanwhile was missed
                await self._compare()
                continue
            try:
                said = orjson.loads(payload)
                self.memory.add(said["kind"], said["name"], float(said["revoked_before"]))
            except (ValueError, KeyError, TypeError):
                log.warning("a revocation was announced that cannot be read")
                await self._compare()

    async def _compare_regularly(self) -> None:
        while True:
            await asyncio.sleep(COMPARE_EVERY_S)
            await self._compare()

    async def _compare(self) -> None:
        """Read what the memory does not hold. When that fails, the trust in the memory runs out by itself."""
        since = max(0.0, self.memory.compared_until - OVERLAP_S)
        try:
            rows = await self._database.session(WORKER).many(
                queries.revocations_since, since=since, limit=self._capacity + 1
            )
        except RequestError as error:
            log.warning("revocations not read, each request asks for its own", reason=error.log or error.detail)
            return
        self.memory.compare(rows[::-1], whole=len(rows) <= self._capacity)
