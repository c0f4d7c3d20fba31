"""What the endpoints of one process share, opened and closed with the application."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field

from clarivum.api.access import Rate
from clarivum.api.answering import Answering
from clarivum.api.credentials import SessionCredentials
from clarivum.api.cursor import CursorSeal
from clarivum.api.http.deadlines import Deadlines
from clarivum.api.http.peer import Peers
from clarivum.api.rates.limiter import RateLimiter
from clarivum.api.rates.refused_credentials import RATE as REFUSED_RATE
from clarivum.api.rates.refused_credentials import ROUTE as REFUSED_ROUTE
from clarivum.api.rates.refused_credentials import RefusedCredentials
from clarivum.api.rates.reports import RateReports
from clarivum.api.statements import queries
from clarivum.auth import TokenVerifier
from clarivum.auth.audit import AuditRecorder
from clarivum.auth.revocation import Revocations
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.database import WORKER, Database

CURSOR_KEY = "cursors"


@dataclass(slots=True)
class Resources:
    """Made by `build_app`. `open` and `close` belong to the event loop that serves."""

    database: Database
    verifier: TokenVerifier
    peers: Peers
    max_body_bytes: int
    request_timeout_s: float
    rate_limits: bool = True
    sessions: SessionCredentials | None = None
    """Who reads session cookies; None when no secret is set, and cookies are not looked at."""
    revocations: Revocations | None = None
    """What ended before its time; None in a process that looks at no credentials."""
    step_up_path: str | None = None
    """Where to sign in again with a second factor; None without a login of our own."""
    webhook_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What the bodies of webhooks are signed with, by setting."""
    clock: Clock = SYSTEM_CLOCK
    deadlines: Deadlines = field(default_factory=Deadlines)
    seal: CursorSeal | None = None
    """What pages seal their cursors with; loaded with the first page that is asked for."""
    rate_reports: RateReports = field(init=False)
    answering: Answering = field(init=False)
    """How the platform's own paths answer."""
    refused_credentials: RefusedCredentials = field(init=False)
    audit: AuditRecorder = field(init=False)
    _warming: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.answering = Answering(self.deadlines, self.request_timeout_s)
        self.rate_reports = RateReports(self.database)
        self.refused_credentials = RefusedCredentials(self.limiter(REFUSED_RATE, REFUSED_ROUTE), self.peers)
        self.audit = AuditRecorder(self.database)
        self.verifier.seen = self.audit.see

    def limiter(self, rate: Rate, route: str) -> RateLimiter | None:
        """What bounds the callers of a route, in all processes together; None where the settings turn limits off."""
        return RateLimiter(rate, route=route, reports=self.rate_reports) if self.rate_limits else None

    async def open(self) -> None:
        """Raises DependencyDownError or ConfigurationError, see Database.open. The issuer's keys may come later."""
        await self.database.open()
        self.deadlines.start()
        self.rate_reports.open()
        self.audit.open()
        if self.revocations is not None:
            self.revocations.open()
        self._warming = asyncio.create_task(self.verifier.warm(), name="issuer keys")

    async def close(self) -> None:
        if self._warming is not None:
            self._warming.cancel()
        await self.deadlines.stop()
        await asyncio.gather(self.rate_reports.close(), self.audit.close())
        if self.revocations is not None:
            await self.revocations.close()
        await asyncio.gather(self.verifier.close(), self.database.close())

    async def cursor_seal(self) -> CursorSeal:
        """The seal that all processes share: its key was made with the database (clarivum.server_keys)."""
        if self.seal is None:
            row = await self.database.session(WORKER).one(queries.server_key, name=CURSOR_KEY)
            self.seal = CursorSeal(row["key"])
        return self.seal
