"""Writes what happened: with the effect, before the answer, or a little later, as each kind of event wants it.

- A change made by staff: in the transaction of the change (`audit_in`), so that there is neither without the other.
- A sign-in: before it is answered (`record`); a revocation: in its own transaction (auth/revocation.py).
- A refusal: from memory, within seconds (`note`). Equal ones become one row with a count, and a process writes at most
  `MAX_SUBJECTS` rows that name somebody per `FLUSH_S`: no flood of bad requests fills the table. No request waits for
  it; a killed process loses what it had not written, which the access log still has.
- Changed roles: noticed when a token is verified (`see`), compared with what was last seen in the background.
"""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import replace
from typing import Any

from clarivum.auth.audit.event import AuditEvent, listed, recorded_subject
from clarivum.auth.principal import Principal
from clarivum.auth.roles import STAFF_ROLES
from clarivum.database import WORKER, Database, Transaction, load_queries
from clarivum.errors import RequestError
from clarivum.telemetry import get_logger

log = get_logger("clarivum.audit")

FLUSH_S = 2.0
MAX_SUBJECTS = 100
MAX_ROLES = 500
REMEMBERED = 20_000
CLOSING_S = 2.0

queries = load_queries(__file__)

Seen = tuple[frozenset[str], float]
"""Roles, and when the token that carried them was issued."""


class AuditRecorder:
    """One per process. `open` and `close` belong to the event loop that serves; what is noted is written in between."""

    def __init__(self, database: Database, *, flush_s: float = FLUSH_S) -> None:
        self._session = database.session(WORKER)
        self._flush_s = flush_s
        self._noted: dict[AuditEvent, tuple[AuditEvent, int]] = {}
        self._subjects = 0
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._unseen: dict[str, Seen] = {}
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to write what is noted."""
        self._task = asyncio.create_task(self._run(), name="audit")

    async def close(self) -> None:
        """Write what is left, if the database answers soon."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._task = None
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.flush()

    def note(self, event: AuditEvent) -> None:
        """Write it soon. No I/O."""
        key = replace(event, trace_id=None)
        known = self._noted.get(key)
        if known is None and event.subject is not None:
            if self._subjects >= MAX_SUBJECTS:
                event = replace(event, subject=None, roles=frozenset())
                key = replace(event, trace_id=None)
                known = self._noted.get(key)
            else:
                self._subjects += 1
        self._noted[key] = (event, 1) if known is None else (known[0], known[1] + 1)
        self._something.set()

    def see(self, principal: Principal) -> None:
        """Look, soon, whether a verified token carries other roles than its subject's last one. No I/O."""
        subject, roles, issued_at = principal.subject, principal.roles, principal.issued_at
        if subject is None:
            return
        known = self._seen.get(subject)
        if known is not None and (known[0] == roles or issued_at <= known[1]):
            return
        if subject not in self._unseen and len(self._unseen) >= MAX_ROLES:
            return  # at the next token of theirs
        self._unseen[subject] = (roles, issued_at)
        self._something.set()

    async def record(self, event: AuditEvent) -> None:
        """Write it now. Raises RequestError when the database does not take it."""
        await self._session.execute(queries.record_events, events=[event.fields()])
        tell(event.fields())

    async def flush(self) -> None:
        """Write what was noted. What cannot be written stays for the next time."""
        try:
            await self._write_noted()
            await self._write_roles()
        except RequestError as error:
            log.warning("audit events wait", reason=error.log or error.detail, events=len(self._noted))

    async def _run(self) -> None:
        while True:
            await self._something.wait()
            await asyncio.sleep(self._flush_s)
            self._something.clear()
            await self.flush()
            if self._noted or self._unseen:
                self._something.set()

    async def _write_noted(self) -> None:
        noted, subjects = self._noted, self._subjects
        if not noted:
            return
        self._noted = {}
        rows = [event.fields(count) for event, count in noted.values()]
        try:
            await self._session.execute(queries.record_events, events=rows)
        except BaseException:
            self._put_back(noted)
            raise
        self._subjects -= subjects
        for row in rows:
            tell(row)

    def _put_back(self, noted: dict[AuditEvent, tuple[AuditEvent, int]]) -> None:
        """Together with what was noted meanwhile."""
        for key, (event, count) in self._noted.items():
            first, before = noted.get(key, (event, 0))
            noted[key] = (first, before + count)
        self._noted = noted

    async def _write_roles(self) -> None:
        unseen, self._unseen = self._unseen, {}
        if not unseen:
            return
        tokens = [
            {"subject": recorded_subject(subject), "roles": sorted(roles), "issued_at": issued_at}
            for subject, (roles, issued_at) in unseen.items()
        ]
        try:
            changes = await self._session.many(queries.note_roles, seen=tokens, staff=sorted(STAFF_ROLES))
        except BaseException:
            self._unseen = {**unseen, **self._unseen}
            raise
        for subject, seen in unseen.items():
            self._seen[subject] = seen
            self._seen.move_to_end(subject)
        while len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        for change in changes:
            tell({"kind": "privilege_change", "outcome": "done", **change})


def audit_in(tx: Transaction, event: AuditEvent) -> None:
    """Write it with what the transaction does: sent with its next statement or COMMIT, told to the log after that."""
    fields = event.fields()
    with tx.as_worker():
        tx.defer(queries.record_events, events=[fields])
    tx.on_commit(lambda: tell(fields))


def tell(fields: dict[str, Any]) -> None:
    """The line in the log."""
    shown = {name: value for name, value in fields.items() if value not in (None, [])}
    if "trace_id" in shown:  # the name is the line's own
        shown["request_id"] = shown.pop("trace_id")
    for name in ("roles", "previous_roles"):
        if name in shown:
            shown[name] = listed(shown[name])
    log.info("audit", **shown)
