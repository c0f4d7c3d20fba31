"""The verifier against a real issuer that fails, moves its keys, and is asked for keys it never had."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clarivum.auth import Reason, TokenRefusedError, TokenVerifier, fetch
from clarivum.auth.issuer_keys import MAX_KEY_AGE_S, MIN_FETCH_INTERVAL_S
from clarivum.auth.standin import StandIn
from clarivum.settings import Settings
from tests.integration.auth.key_servers import Behaviour, KeyServer, answers, floods, key_server, says
from tests.unit.auth.forge import TurnedClock


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    async with key_server(answers(b"")) as server:
        yield server


@pytest.fixture
def environment(server: KeyServer) -> Settings:
    return Settings.load({"CLARIVUM_IDENTITY_URL": server.url})


@pytest.fixture
def clock() -> TurnedClock:
    return TurnedClock()


@pytest.fixture
def issuer(environment: Settings, tmp_path: Path, clock: TurnedClock, server: KeyServer) -> StandIn:
    issuer = StandIn(environment, tmp_path / "first", clock)
    server.behaviour = answers(json.dumps(issuer.key_set()).encode())
    return issuer


@pytest.fixture
async def verifier(environment: Settings, clock: TurnedClock, issuer: StandIn) -> AsyncIterator[TokenVerifier]:
    verifier = TokenVerifier(environment, clock)
    await verifier.verify(issuer.issue("auth0|warm"))
    yield verifier
    await verifier.close()


FAULTS: dict[str, Behaviour] = {
    "500": answers(b"", "500 Internal Server Error"),
    "HTML": answers(b"<!doctype html><title>Maintenance</title>", headers="content-type: text/html"),
    "HTML that says it is JSON": answers(b"<!doctype html>"),
    "50 MB": floods(lambda _: None, 50_000_000, chunked=True),
    "silence": says(then_hangs=True),
    "an empty set": answers(b'{"keys":[]}'),
    "a set of another kind": answers(b'{"keys":[{"kty":"oct","k":"AAAA","kid":"a"}]}'),
    "half a document": answers(b'{"keys":[{"kty":"RSA","n":'),
}


@pytest.mark.parametrize("name", FAULTS)
async def test_old_keys_go_on(
    name: str,
    issuer: StandIn,
    server: KeyServer,
    clock: TurnedClock,
    verifier: TokenVerifier,
    tmp_path: Path,
    environment: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fetch, "TIMEOUT_S", 0.3)
    unknown = StandIn(environment, tmp_path / "unknown", clock)
    server.behaviour = FAULTS[name]
    asked = server.requests
    for _ in range(3):
        clock.turn(MIN_FETCH_INTERVAL_S)
        for number in range(5):
            with pytest.raises(TokenRefusedError) as refused:
                await verifier.verify(unknown.issue("auth0|mallory"))
            assert refused.value.reason is Reason.UNKNOWN_KEY
            assert (await verifier.verify(issuer.issue(f"auth0|{number}"))).subject == f"auth0|{number}"
    assert server.requests - asked == 3


async def test_old_keys_go_on_when_the_issuer_is_gone(clock: TurnedClock, tmp_path: Path) -> None:
    async with key_server(answers(b"")) as server:
        environment = Settings.load({"CLARIVUM_IDENTITY_URL": server.url})
        issuer = StandIn(environment, tmp_path, clock)
        server.behaviour = answers(json.dumps(issuer.key_set()).encode())
        verifier = TokenVerifier(environment, clock)
        await verifier.warm()
    for _ in range(3):
        clock.turn(MAX_KEY_AGE_S)
        assert (await verifier.verify(issuer.issue("auth0|alice"))).subject == "auth0|alice"
        await verifier.warm()
    await verifier.close()


async def test_the_keys_are_rotated(
    issuer: StandIn,
    server: KeyServer,
    clock: TurnedClock,
    verifier: TokenVerifier,
    tmp_path: Path,
    environment: Settings,
) -> None:
    """New key published beside the old, then alone: the new one is found at once, the old one's tokens then end."""
    successor = StandIn(environment, tmp_path / "second", clock)
    both = {"keys": issuer.key_set()["keys"] + successor.key_set()["keys"]}
    server.behaviour = answers(json.dumps(both).encode())
    clock.turn(MIN_FETCH_INTERVAL_S)
    old = issuer.issue("auth0|old")
    assert (await verifier.verify(successor.issue("auth0|new"))).subject == "auth0|new"
    assert (await verifier.verify(old)).subject == "auth0|old"

    server.behaviour = answers(json.dumps(successor.key_set()).encode())
    clock.turn(MAX_KEY_AGE_S)
    async with asyncio.timeout(5):
        while await accepted(verifier, old):
            await asyncio.sleep(0.01)
    assert verifier.cached(old) is None
    assert (await verifier.verify(successor.issue("auth0|new"))).subject == "auth0|new"


async def test_a_flood_of_unknown_keys_at_once(
    server: KeyServer, clock: TurnedClock, verifier: TokenVerifier, tmp_path: Path, environment: Settings
) -> None:
    """500 tokens of a key nobody published, all in flight together: one request to the issuer, 500 refusals."""
    unknown = StandIn(environment, tmp_path / "unknown", clock)
    tokens = [unknown.issue(f"auth0|{number}") for number in range(500)]
    clock.turn(MIN_FETCH_INTERVAL_S)
    asked = server.requests
    refused = await asyncio.gather(*(verifier.verify(token) for token in tokens), return_exceptions=True)
    assert all(isinstance(refusal, TokenRefusedError) for refusal in refused)
    assert server.requests - asked == 1


async def accepted(verifier: TokenVerifier, token: str) -> bool:
    try:
        await verifier.verify(token)
    except TokenRefusedError:
        return False
    return True
