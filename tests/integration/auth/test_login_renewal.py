"""Sessions that go on: on a virtual clock, with real tokens, cookies, and the database of two processes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import psycopg
import pytest

from clarivum.api.login.ended import EndedSessions
from clarivum.api.login.parts import Parts
from clarivum.api.login.renewal import Renewed, SessionRenewal
from clarivum.api.login.session import IDLE_S, SessionTokens, begin
from clarivum.auth import TokenVerifier
from clarivum.auth.cookies import SessionCookies, SessionRefusedError, SessionToken
from clarivum.auth.oidc import OpenIdClient, Registration, Seal
from clarivum.auth.oidc.exchange import Answer, ExchangeError
from clarivum.auth.principal import principal_from
from clarivum.auth.revocation import Revocations
from clarivum.database import Database
from clarivum.errors import UNAVAILABLE, RequestError
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


@dataclass
class World:
    """One person's session, and as many processes as a test asks for."""

    forge: Forge
    clock: TurnedClock
    endpoint: TokenEndpoint
    urls: DatabaseUrls
    cookies: SessionCookies
    stack: AsyncExitStack

    async def process(self) -> tuple[SessionRenewal, EndedSessions]:
        database = await self.stack.enter_async_context(Database(self.urls.app))
        revocations = Revocations(database)
        verifier = TokenVerifier(SETTINGS, self.clock, Endpoint(self.forge.key_set()), revocations=revocations)

        async def fetch(_url: str) -> bytes:
            return to_json(METADATA)

        registration = Registration(ISSUER, "client", "s3cr3t", "https://api.clarivum.com/auth/callback", AUDIENCE)
        client = OpenIdClient(registration, self.clock, fetch, self.endpoint.post)
        parts = Parts(client, self.cookies, verifier, revocations, database, self.clock)
        return SessionRenewal(parts, Seal([SECRET], "session refresh")), EndedSessions(revocations)

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

    def read(self, set_cookies: Any) -> SessionToken:
        pairs = [tuple(value.partition(";")[0].split("=", 1)) for value in set_cookies]
        session = self.cookies.read(pairs, self.now)
        assert session is not None
        return session


@pytest.fixture
async def world(forge: Forge, database_urls: DatabaseUrls) -> AsyncIterator[World]:
    clock = TurnedClock()
    async with AsyncExitStack() as stack:
        cookies = SessionCookies([SECRET], secure=True)
        yield World(forge, clock, TokenEndpoint(forge, clock), database_urls, cookies, stack)


async def renewed(process: tuple[SessionRenewal, EndedSessions], session: SessionToken, world: World) -> Renewed | None:
    """What a request with this session goes through."""
    renewal, ended = process
    await ended(session)
    return await renewal.renew(session, [], world.now)


async def test_a_young_session_stays_as_it_is(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    assert await renewed(process, session, world) is None
    world.clock.turn(599)
    assert await renewed(process, session, world) is None
    assert world.endpoint.sent == []


async def test_idle_time_counts_anew_with_use(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    world.clock.turn(601)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    assert going_on.access_token == session.access_token
    assert "Max-Age=43200" in going_on.set_cookies[0]
    later = world.read(going_on.set_cookies)
    assert later.expires_at == world.now + IDLE_S
    for name in ("sid", "signed_in_at", "access_token", "refresh_token", "name"):
        assert later.claims[name] == session.claims[name]
    world.clock.turn(IDLE_S + 31)
    with pytest.raises(SessionRefusedError):
        world.read(going_on.set_cookies)


async def test_a_front_end_that_shares_the_session_does_not_lengthen_it(world: World) -> None:
    process, session = await world.process(), world.signed_in(exp=NOW + 30 * 24 * HOUR_S)
    theirs = world.read(world.cookies.write(session.claims, now=world.now, max_age_s=30 * 24 * HOUR_S))
    world.clock.turn(IDLE_S + 29)
    assert await renewed(process, theirs, world) is not None
    world.clock.turn(1)
    with pytest.raises(SessionRefusedError):
        await renewed(process, theirs, world)


@pytest.mark.parametrize(
    ("lifetime_s", "after_s", "due"),
    [
        (HOUR_S, HOUR_S - 301, False),
        (HOUR_S, HOUR_S - 300, True),
        (60, 47, False),  # a fifth of a short life, not five minutes of it
        (60, 48, True),
        (24 * HOUR_S, 8 * HOUR_S - 301, False),
        (24 * HOUR_S, 8 * HOUR_S - 300, True),  # eight hours, whatever the issuer allows
    ],
)
async def test_an_access_token_is_renewed_near_its_end(world: World, lifetime_s: int, after_s: int, due: bool) -> None:
    process, session = await world.process(), world.signed_in(exp=NOW + lifetime_s)
    world.clock.turn(after_s)
    going_on = await renewed(process, session, world)
    assert (len(world.endpoint.sent) == 1) is due
    if due:
        assert going_on is not None
        assert going_on.access_token != session.access_token
        later = world.read(going_on.set_cookies)
        assert later.claims["refresh_token"] == "r1"
        assert later.claims["sid"] == session.claims["sid"]
        assert "grant_type=refresh_token" in world.endpoint.sent[0]


async def test_requests_that_arrive_together_spend_the_refresh_token_once(world: World) -> None:
    processes = [await world.process(), await world.process()]
    session = world.signed_in()
    world.clock.turn(HOUR_S + 1)  # the old token is over: everybody needs the new one
    everybody = await asyncio.gather(*(renewed(processes[number % 2], session, world) for number in range(24)))
    assert len(world.endpoint.sent) == 1
    assert len({each.access_token for each in everybody if each is not None}) == 1
    assert None not in everybody


async def test_others_go_on_with_the_old_token_while_it_is_good(world: World) -> None:
    processes = [await world.process(), await world.process()]
    session = world.signed_in()
    world.clock.turn(HOUR_S - 200)
    world.endpoint.gate = asyncio.Event()
    first = asyncio.create_task(renewed(processes[0], session, world))
    while not world.endpoint.sent:
        await asyncio.sleep(0.005)
    meanwhile = await renewed(processes[1], session, world)
    assert meanwhile is not None
    assert meanwhile.access_token == session.access_token
    world.endpoint.gate.set()
    done = await first
    assert done is not None
    assert done.access_token != session.access_token


async def test_a_caller_that_goes_away_does_not_take_the_new_tokens_along(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    world.clock.turn(HOUR_S + 1)
    world.endpoint.gate = asyncio.Event()
    gone = asyncio.create_task(renewed(process, session, world))
    while not world.endpoint.sent:
        await asyncio.sleep(0.005)
    gone.cancel()
    await asyncio.wait({gone})
    world.endpoint.gate.set()
    after = await renewed(process, session, world)
    assert after is not None
    assert world.read(after.set_cookies).claims["refresh_token"] == "r1"
    assert len(world.endpoint.sent) == 1


async def test_an_issuer_that_is_down_ends_no_session_while_its_token_is_good(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    world.endpoint.failing = True
    world.clock.turn(HOUR_S - 200)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    assert going_on.access_token == session.access_token
    world.clock.turn(201)
    with pytest.raises(RequestError) as unavailable:
        await renewed(process, session, world)
    assert unavailable.value.code is UNAVAILABLE
    world.endpoint.failing = False
    assert await renewed(process, session, world) is not None


async def test_a_refresh_token_that_is_not_taken_ends_the_session(world: World) -> None:
    here, there = await world.process(), await world.process()
    session = world.signed_in()
    world.endpoint.refusing = True
    world.clock.turn(HOUR_S - 200)
    for process in (here, here, there):
        with pytest.raises(SessionRefusedError):
            await renewed(process, session, world)
    assert len(world.endpoint.sent) == 1
    same_session = world.written({**session.claims, "refresh_token": "r9"})
    with pytest.raises(SessionRefusedError):
        await renewed(there, same_session, world)


@pytest.mark.parametrize("changes", [{"sub": "auth0|mallory"}, {"aud": "https://other.example"}, {"iss": "https://x/"}])
async def test_a_new_token_that_is_not_the_persons_ends_the_session(world: World, changes: dict[str, Any]) -> None:
    process, session = await world.process(), world.signed_in()
    world.endpoint.changes = changes
    world.clock.turn(HOUR_S - 200)
    with pytest.raises(SessionRefusedError):
        await renewed(process, session, world)
    with pytest.raises(SessionRefusedError):
        await renewed(process, session, world)


@pytest.mark.parametrize("roles", [["member", "admin"], []])
async def test_a_session_whose_privileges_change_gets_another_id(world: World, roles: list[str]) -> None:
    process, session = await world.process(), world.signed_in()
    world.endpoint.changes = {ROLES_CLAIM: roles}
    world.clock.turn(HOUR_S - 200)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    later = world.read(going_on.set_cookies)
    assert later.claims["sid"] != session.claims["sid"]
    assert await renewed(process, later, world) is None
    with pytest.raises(SessionRefusedError):  # whoever holds a copy of the old cookie shares nothing of it
        await renewed(process, session, world)


async def test_without_a_refresh_token_a_session_ends_with_its_access_token(world: World) -> None:
    process, session = await world.process(), world.signed_in(refresh_token=None)
    world.clock.turn(HOUR_S - 1)
    assert await renewed(process, session, world) is not None  # idle time counts anew all the same
    world.clock.turn(1)
    with pytest.raises(SessionRefusedError):
        await renewed(process, session, world)
    assert world.endpoint.sent == []


async def test_an_issuer_that_does_not_rotate_keeps_its_refresh_token(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    world.endpoint.rotates = False
    world.clock.turn(HOUR_S - 200)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    assert world.read(going_on.set_cookies).claims["refresh_token"] == "r0"


async def test_a_front_ends_own_session_is_its_own_to_renew(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    for missing in ("sid", "signed_in_at"):
        theirs = world.written({name: value for name, value in session.claims.items() if name != missing})
        world.clock.turn(HOUR_S)
        assert await renewed(process, theirs, world) is None
    assert world.endpoint.sent == []


async def test_what_is_kept_of_a_refresh_is_sealed(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    world.clock.turn(HOUR_S - 200)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    with psycopg.connect(world.urls.admin) as admin:
        rows = admin.execute("select digest, sealed from clarivum.session_refreshes").fetchall()
    assert len(rows) == 1
    digest, kept = (bytes(column) for column in rows[0])
    assert digest == sha256(b"r0").digest()
    assert going_on.access_token.encode() not in kept
