"""Sessions that go on: on a virtual clock, with real tokens, cookies, and the database of two processes."""

import asyncio
from hashlib import sha256
from typing import Any

import httpx
import psycopg
import pytest

from clarivum.api.answering import Answering
from clarivum.api.csrf_token import CsrfTokenEndpoint
from clarivum.api.http.deadlines import Deadlines
from clarivum.api.http.peer import Peers
from clarivum.api.login.renewal import Renewed
from clarivum.api.login.session import IDLE_S
from clarivum.auth import ANONYMOUS_PRINCIPAL
from clarivum.auth.audit import AuditRecorder
from clarivum.auth.cookies import SessionRefusedError, SessionToken
from clarivum.errors import UNAVAILABLE, RequestError
from tests.integration.auth.session_world import HOUR_S, Process, World
from tests.unit.auth.forge import NOW, ROLES_CLAIM

DAY_S = 24 * HOUR_S


async def renewed(process: Process, session: SessionToken, world: World) -> Renewed | None:
    """What a request with this session goes through."""
    await process.ended(session)
    return await process.renewal.renew(session, [], world.now)


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


async def test_a_session_ends_thirty_days_after_its_sign_in_however_much_it_is_used(world: World) -> None:
    process, session = await world.process(), world.signed_in(exp=NOW + 60 * DAY_S)
    for _ in range(59):  # 29 days and a half
        world.clock.turn(DAY_S / 2)
        going_on = await renewed(process, session, world)
        assert going_on is not None
        session = world.read(going_on.set_cookies)
    assert session.expires_at == NOW + 30 * DAY_S
    world.clock.turn(DAY_S / 2 - 1)
    going_on = await renewed(process, session, world)
    assert going_on is not None
    assert "Max-Age=1;" in going_on.set_cookies[0]
    world.clock.turn(1)  # a front end that shares it has sealed it anew
    theirs = world.read(world.cookies.write(session.claims, now=world.now, max_age_s=IDLE_S))
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


async def test_a_csrf_token_is_of_the_session_that_the_browser_holds_afterwards(world: World) -> None:
    """Also where a request is what gives the session another id: the very next change is let in."""
    process, session = await world.process(), world.signed_in()
    audit, peers = AuditRecorder(process.parts.database), Peers()
    endpoint = CsrfTokenEndpoint(process.credentials, peers, audit, None, Answering(Deadlines(), 10.0))

    async def csrf_app(scope: Any, receive: Any, send: Any) -> None:
        await endpoint(scope, receive, send, {})

    transport = httpx.ASGITransport(csrf_app)
    async with httpx.AsyncClient(transport=transport, base_url="https://api.clarivum.com", trust_env=False) as browser:
        for name, value in world.pairs(world.cookies.write(session.claims, now=world.now, max_age_s=IDLE_S)):
            browser.cookies.set(name, value, domain="api.clarivum.com")
        world.endpoint.changes = {ROLES_CLAIM: ["member", "admin"]}
        world.clock.turn(HOUR_S - 200)
        token = (await browser.get("/auth/csrf")).json()["csrf_token"]
        change = {"origin": "https://api.clarivum.com", "x-csrf-token": token}
        sent = browser.build_request("POST", "/", headers=change).headers
    headers = {name.lower().encode(): value.encode() for name, value in sent.items()}
    assert (await process.credentials.admit("POST", headers, ANONYMOUS_PRINCIPAL, [])).subject == "auth0|alice"


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
