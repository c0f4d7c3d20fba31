"""POST /auth/logout ends what it says it ends, whatever became of the session's tokens, and renews none for it."""

from collections.abc import Iterable

import orjson
import psycopg
import pytest

from clarivum.api.login.logout import Logout
from clarivum.api.login.serving import Visit
from clarivum.api.login.session import IDLE_S
from clarivum.auth import Reason, TokenRefusedError
from clarivum.auth.cookies import Cookie, SessionRefusedError, SessionToken
from clarivum.errors import CSRF_FAILED, UNAVAILABLE, Code, RequestError
from tests.integration.auth.session_world import HOUR_S, Process, World
from tests.unit.auth.forge import ISSUER

BASE_URL = "https://api.clarivum.com"
AUTH0S_OWN_END = f"{ISSUER}v2/logout?client_id=client&returnTo=https%3A%2F%2Fapi.clarivum.com%2F"
FRONT_ENDS_OWN_ID = "6f1c0c5e-0d34-4a58-9d3c-3c8f2f1d9b10"


class Browser:
    """A browser that holds a session's cookies, and does with them what the sign-out page does."""

    def __init__(self, world: World, process: Process, session: SessionToken) -> None:
        self._cookies = world.pairs(world.cookies.write(session.claims, now=session.issued_at, max_age_s=IDLE_S))
        self._process = process
        self._planted: list[Cookie] = []
        self.set_cookies: list[str] = []

    @property
    def signed_out(self) -> bool:
        """Whether the last answer deleted every cookie of the session."""
        deleted = {name for name, _ in World.pairs(value for value in self.set_cookies if "Max-Age=0" in value)}
        return {name for name, _ in self._cookies} <= deleted

    async def _csrf_token(self) -> str:
        """The token for a change; empty when the session is refused."""
        try:
            token, set_cookie = await self._process.credentials.csrf_token({b"cookie": _header(self._cookies)})
        except RequestError:
            return ""
        self._planted = World.pairs([set_cookie])
        return token

    async def sign_out(self, **headers: str) -> dict[str, str] | Code:
        """What the answer says."""
        sent = {"x-csrf-token": await self._csrf_token(), "origin": BASE_URL, "host": "api.clarivum.com", **headers}
        cookies = [*self._cookies, *self._planted]
        lines = {name.encode(): value.encode() for name, value in sent.items()}
        visit = Visit("POST", "0" * 32, {**lines, b"cookie": _header(cookies)}, cookies, {})
        self.set_cookies = []
        logout = Logout(self._process.parts, self._process.credentials, BASE_URL)
        try:
            response = await logout(visit, self.set_cookies)
        except RequestError as error:
            return error.code
        answer: dict[str, str] = orjson.loads(response.body)
        return answer


def _header(cookies: Iterable[Cookie]) -> bytes:
    return "; ".join(f"{name}={value}" for name, value in cookies).encode()


async def is_refused(process: Process, session: SessionToken) -> bool:
    try:
        await process.ended(session)
    except SessionRefusedError:
        return True
    return False


async def assert_all_is_ended(world: World, process: Process, *sessions: SessionToken) -> None:
    """In every process: the sessions, and a bearer token from before."""
    other = await world.process()
    for session in sessions:
        assert await is_refused(process, session)
        assert await is_refused(other, session)
    with pytest.raises(TokenRefusedError) as refused:
        await other.parts.verifier.verify(world.endpoint.token(jti="a script's"))
    assert refused.value.reason is Reason.REVOKED


@pytest.mark.parametrize("refresh_token", ["r0", None])
async def test_a_session_whose_token_has_ended_ends_the_others(world: World, refresh_token: str | None) -> None:
    process, elsewhere = await world.process(), world.signed_in()
    browser = Browser(world, process, world.signed_in(refresh_token=refresh_token))
    world.clock.turn(8 * HOUR_S)
    world.endpoint.refusing = True
    assert await browser.sign_out() == {"location": AUTH0S_OWN_END, "ended": "everywhere"}
    assert browser.signed_out
    await assert_all_is_ended(world, process, elsewhere)


async def test_an_issuer_that_is_down_keeps_nobody_signed_in(world: World) -> None:
    process, elsewhere = await world.process(), world.signed_in()
    browser = Browser(world, process, world.signed_in())
    world.clock.turn(2 * HOUR_S)
    world.endpoint.failing = True
    answer = await browser.sign_out()
    assert isinstance(answer, dict)
    assert answer["ended"] == "everywhere"
    assert browser.signed_out
    await assert_all_is_ended(world, process, elsewhere)


async def test_a_token_near_its_end_is_not_renewed_for_nothing(world: World) -> None:
    """What came back would be thrown away, and live on at the issuer: the refresh token that is dropped there is the
    session's own."""
    process, session = await world.process(), world.signed_in()
    browser = Browser(world, process, session)
    world.clock.turn(HOUR_S - 200)
    answer = await browser.sign_out()
    assert isinstance(answer, dict)
    assert answer["ended"] == "everywhere"
    assert [sent for sent in world.endpoint.sent if "grant_type=refresh_token" in sent] == []
    assert [sent for sent in world.endpoint.sent if "token=r0" in sent and "refresh_token" in sent] != []
    await assert_all_is_ended(world, process, session)


async def test_a_front_ends_session_is_its_persons_while_its_token_is_good(world: World) -> None:
    process, own = await world.process(), world.signed_in()
    theirs = world.written({"sub": FRONT_ENDS_OWN_ID, "access_token": world.endpoint.token()})
    browser = Browser(world, process, theirs)
    answer = await browser.sign_out()
    assert isinstance(answer, dict)
    assert answer["ended"] == "everywhere"
    await assert_all_is_ended(world, process, own)


async def test_whom_nothing_proves_is_told_that_only_this_browser_is_signed_out(world: World) -> None:
    """A front end's session says of its person what it likes; the access token, which would prove it, has ended."""
    process, own = await world.process(), world.signed_in(exp=world.now + 9 * HOUR_S)
    theirs = world.written({"sub": "auth0|alice", "access_token": world.endpoint.token()})
    browser = Browser(world, process, theirs)
    world.clock.turn(2 * HOUR_S)
    answer = await browser.sign_out()
    assert isinstance(answer, dict)
    assert answer["ended"] == "this_browser"
    assert browser.signed_out
    assert not await is_refused(process, own)


async def test_a_session_that_was_ended_before_ends_no_other(world: World) -> None:
    """Whoever kept a copy of a session that was replaced cannot sign its person out with it."""
    process, stolen, own = await world.process(), world.signed_in(), world.signed_in()
    await process.parts.revocations.revoke_session(str(stolen.claims["sid"]), "replaced")
    browser = Browser(world, process, stolen)
    answer = await browser.sign_out()
    assert isinstance(answer, dict)
    assert answer["ended"] == "this_browser"
    assert browser.signed_out
    assert not await is_refused(process, own)


@pytest.mark.parametrize(
    "headers", [{"x-csrf-token": ""}, {"x-csrf-token": "guess"}, {"origin": "https://evil.example"}], ids=str
)
async def test_what_was_not_meant_ends_nothing(headers: dict[str, str], world: World) -> None:
    process, session = await world.process(), world.signed_in()
    browser = Browser(world, process, session)
    assert await browser.sign_out(**headers) is CSRF_FAILED
    assert browser.set_cookies == []
    assert not await is_refused(process, session)


async def test_a_database_that_is_down_is_told_and_this_browser_is_signed_out(world: World) -> None:
    process, session = await world.process(), world.signed_in()
    browser = Browser(world, process, session)
    with psycopg.connect(world.urls.admin, autocommit=True, dbname="postgres") as admin:
        admin.execute(f'alter database "{world.urls.name}" with allow_connections false')
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (world.urls.name,))
        try:
            assert await browser.sign_out() is UNAVAILABLE
        finally:
            admin.execute(f'alter database "{world.urls.name}" with allow_connections true')
    assert browser.signed_out
