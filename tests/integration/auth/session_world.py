"""One person's session with a login of our own, on a virtual clock: real tokens, cookies and database, an issuer whose
answers a test decides, and as many processes as it asks for."""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from clarivum.api.credentials import SessionCredentials
from clarivum.api.login.ended import EndedSessions
from clarivum.api.login.parts import Parts
from clarivum.api.login.renewal import SessionRenewal
from clarivum.api.login.session import IDLE_S, SessionTokens, begin
from clarivum.auth import TokenVerifier
from clarivum.auth.cookies import Cookie, SessionCookies, SessionToken
from clarivum.auth.csrf import CsrfTokens
from clarivum.auth.oidc import OpenIdClient, Registration
from clarivum.auth.oidc.exchange import Answer, ExchangeError
from clarivum.auth.origins import Origins
from clarivum.auth.principal import principal_from
from clarivum.auth.revocation import Revocations
from clarivum.auth.seal import Seal
from clarivum.database import Database
from clarivum.testing.postgres import DatabaseUrls
from tests.unit.auth.forge import (
    AUDIENCE,
    ISSUER,
    NOW,
    ROLES_CLAIM,
    SETTINGS,
    Endpoint,
    Forge,
    TurnedClock,
    claims,
    to_json,
)

SECRET = "Zq8rT2vN5kWxL0mBcD7fHjP3sYuGaE1o"
HOUR_S = 3_600
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}authorize",
    "token_endpoint": f"{ISSUER}oauth/token",
    "revocation_endpoint": f"{ISSUER}oauth/revoke",
    "token_endpoint_auth_methods_supported": ["client_secret_post"],
}


@dataclass
class TokenEndpoint:
    """An issuer's token endpoint: what it answers next, and what it was sent. `gate` holds answers back."""

    forge: Forge
    clock: TurnedClock
    changes: dict[str, Any] = field(default_factory=dict)
    failing: bool = False
    refusing: bool = False
    rotates: bool = True
    sent: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    def token(self, **changes: Any) -> str:
        now = NOW + int(self.clock.elapsed_s)
        return self.forge.token(**{"iat": now, "exp": now + HOUR_S, "jti": str(len(self.sent)), **changes})

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        self.sent.append(body)
        if self.gate is not None:
            await self.gate.wait()
        if self.failing:
            raise ExchangeError("no answer")
        if self.refusing:
            return Answer(403, {"error": "invalid_grant"})
        content = {"access_token": self.token(**self.changes), "token_type": "Bearer"}
        return Answer(200, {**content, "refresh_token": f"r{len(self.sent)}"} if self.rotates else content)


@dataclass(frozen=True)
class Process:
    """What one API process makes of a session."""

    parts: Parts
    renewal: SessionRenewal
    ended: EndedSessions
    credentials: SessionCredentials


@dataclass
class World:
    """One person's session, and as many processes as a test asks for."""

    forge: Forge
    clock: TurnedClock
    endpoint: TokenEndpoint
    urls: DatabaseUrls
    cookies: SessionCookies
    stack: AsyncExitStack

    async def process(self) -> Process:
        database = await self.stack.enter_async_context(Database(self.urls.app))
        revocations = Revocations(database)
        verifier = TokenVerifier(SETTINGS, self.clock, Endpoint(self.forge.key_set()), revocations=revocations)

        async def fetch(_url: str) -> bytes:
            return to_json(METADATA)

        registration = Registration(ISSUER, "client", "s3cr3t", "https://api.clarivum.com/auth/callback", AUDIENCE)
        client = OpenIdClient(registration, self.clock, fetch, self.endpoint.post)
        parts = Parts(client, self.cookies, verifier, revocations, database, self.clock)
        renewal = SessionRenewal(parts, Seal([SECRET], "session refresh"), max_age_s=SETTINGS.session_max_age_s)
        ended = EndedSessions(revocations)
        credentials = SessionCredentials(
            self.cookies,
            CsrfTokens([SECRET], secure=True),
            Origins(https_only=True),
            verifier,
            clock=self.clock,
            refuse_revoked=ended,
            renew=renewal.renew,
        )
        return Process(parts, renewal, ended, credentials)

    @property
    def now(self) -> float:
        return NOW + self.clock.elapsed_s

    def signed_in(self, refresh_token: str | None = "r0", **changes: Any) -> SessionToken:
        """The session as its cookie says, begun now."""
        principal, _ = principal_from(claims(**changes), roles_claim=ROLES_CLAIM)
        tokens = SessionTokens(self.endpoint.token(**changes), refresh_token, principal)
        return self.written(begin({"name": "Alice"}, "auth0|alice", tokens, self.now))

    def written(self, content: Mapping[str, Any]) -> SessionToken:
        return self.read(self.cookies.write(content, now=self.now, max_age_s=IDLE_S))

    @staticmethod
    def pairs(set_cookies: Iterable[str]) -> list[Cookie]:
        """What a browser keeps of Set-Cookie values."""
        named = [value.partition(";")[0].partition("=") for value in set_cookies]
        return [(name, value) for name, _, value in named]

    def read(self, set_cookies: Iterable[str]) -> SessionToken:
        session = self.cookies.read(self.pairs(set_cookies), self.now)
        assert session is not None
        return session
