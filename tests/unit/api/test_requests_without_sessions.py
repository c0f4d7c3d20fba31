"""Requests that carry no session pay nothing for sessions: their cookies are not even parsed."""

from collections.abc import MutableMapping
from typing import Any, NoReturn

import pytest
from joserfc.jwk import RSAKey

from clarivum.api import Contract, Route, anyone, get
from clarivum.api.server import build_app
from clarivum.auth import Principal, TokenVerifier
from clarivum.settings import Settings
from tests.unit.auth.cookie_forge import SECRET
from tests.unit.auth.forge import SETTINGS, Endpoint, Forge, TurnedClock


class Seen(Contract):
    """Who asked."""

    subject: str | None


@get("/whoami", access=anyone(rate="1000/minute"))
async def whoami(principal: Principal) -> Seen:
    """Say who is asking."""
    return Seen(subject=principal.subject)


class Small:
    name = "small"
    routes: tuple[Route, ...] = (whoami,)


async def asked(app: Any, *headers: tuple[bytes, bytes]) -> int:
    """The status of the answer."""
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: MutableMapping[str, Any]) -> None:
        messages.append(message)

    scope = {"type": "http", "method": "GET", "path": "/whoami", "query_string": b"", "headers": list(headers)}
    await app(scope, receive, send)
    status: int = messages[0]["status"]
    return status


async def test_only_a_session_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    forge = Forge(RSAKey.generate_key(2_048))
    settings = Settings.load({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none", "AUTH_SECRET": SECRET})
    verifier = TokenVerifier(SETTINGS, TurnedClock(), Endpoint(forge.key_set()))
    app = build_app(Small(), settings, verifier=verifier)
    verifier.revocations = None  # they ask the database, which is not there
    bearer = (b"authorization", b"Bearer " + forge.token().encode())
    others = (b"cookie", b"theme=dark; _ga=GA1.2.3; __Host-clarivum.csrf=x; authjs.callback-url=y")
    parsed: list[bytes] = []

    def parse(header: bytes) -> NoReturn:
        parsed.append(header)
        raise AssertionError

    monkeypatch.setattr("clarivum.api.credentials.parse_cookies", parse)
    for headers in ((), (bearer,), (others,), (bearer, others)):
        assert await asked(app, *headers) == 200
    assert parsed == []
    assert await asked(app, (b"cookie", b"authjs.session-token=x")) == 500
    assert parsed == [b"authjs.session-token=x"]
