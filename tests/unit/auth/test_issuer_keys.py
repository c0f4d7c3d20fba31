"""When a key set is fetched, when not, and what goes on meanwhile. The clock is turned by hand."""

import asyncio

import pytest

from clarivum.auth import Issuer, TokenRefusedError, TokenVerifier
from clarivum.auth.issuer_keys import MAX_KEY_AGE_S, MIN_FETCH_INTERVAL_S
from clarivum.auth.refusal import Reason
from clarivum.errors import UNAVAILABLE, RequestError
from tests.unit.auth.forge import NOW, SETTINGS, Endpoint, Forge, TurnedClock, header


async def refusal_of(verifier: TokenVerifier, token: str) -> TokenRefusedError:
    with pytest.raises(TokenRefusedError) as refused:
        await verifier.verify(token)
    return refused.value


async def settle() -> None:
    """Let background tasks that wait for nothing run to their end."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_one_fetch_serves_many_tokens(forge: Forge, verifier: TokenVerifier, endpoint: Endpoint) -> None:
    for number in range(20):
        await verifier.verify(forge.token(jti=str(number)))
    assert endpoint.fetches == 1
    assert endpoint.urls == ["https://clarivum.eu.auth0.com/.well-known/jwks.json"]


async def test_warming_up_leaves_nothing_to_fetch(forge: Forge, verifier: TokenVerifier, endpoint: Endpoint) -> None:
    await verifier.warm()
    await verifier.warm()
    await verifier.verify(forge.token())
    assert endpoint.fetches == 1


async def test_a_flood_of_unknown_keys_costs_one_fetch_in_30_s(
    forge: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    """Ten minutes of unknown names, several a second at times: a fetch every 30 s and not one more."""
    await verifier.verify(forge.token())
    floods = [forge.token(header(kid=f"unknown-{number}")) for number in range(50)]
    for second in range(600):
        clock.turn(1)
        for token in floods[second % 40 : second % 40 + 1 + second % 10]:
            assert (await refusal_of(verifier, token)).reason is Reason.UNKNOWN_KEY
    assert endpoint.fetches == 1 + 600 / MIN_FETCH_INTERVAL_S


async def test_requests_at_once_share_one_fetch(forge: Forge, verifier: TokenVerifier, endpoint: Endpoint) -> None:
    gate = asyncio.Event()
    endpoint.before_answer = gate.wait
    waiting = [asyncio.create_task(verifier.verify(forge.token(jti=str(number)))) for number in range(50)]
    await settle()
    gate.set()
    principals = await asyncio.gather(*waiting)
    assert {principal.subject for principal in principals} == {"auth0|alice"}
    assert endpoint.fetches == 1


async def test_a_cancelled_request_takes_nobody_elses_fetch_along(
    forge: Forge, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    gate = asyncio.Event()
    endpoint.before_answer = gate.wait
    first, second = (asyncio.create_task(verifier.verify(forge.token(jti=name))) for name in ("1", "2"))
    await settle()
    first.cancel()
    await settle()
    gate.set()
    assert (await second).subject == "auth0|alice"
    with pytest.raises(asyncio.CancelledError):
        await first
    assert endpoint.fetches == 1


async def test_a_rotated_key_is_found_at_its_first_token(
    forge: Forge, stranger: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    await verifier.verify(forge.token())
    successor = Forge(stranger.key, "key-2")
    endpoint.document = forge.key_set(successor)
    assert (await refusal_of(verifier, successor.token())).reason is Reason.UNKNOWN_KEY  # too early to ask again
    clock.turn(MIN_FETCH_INTERVAL_S)
    assert (await verifier.verify(successor.token())).subject == "auth0|alice"
    assert (await verifier.verify(forge.token())).subject == "auth0|alice"
    assert endpoint.fetches == 2


async def test_a_withdrawn_key_stops_what_it_signed_even_from_the_cache(
    forge: Forge, stranger: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    successor = Forge(stranger.key, "key-2")
    endpoint.document = forge.key_set(successor)
    old, new = forge.token(exp=NOW + 86_400), successor.token(exp=NOW + 86_400)
    for token in (old, new):
        await verifier.verify(token)
    endpoint.document = successor.key_set()
    clock.turn(MAX_KEY_AGE_S)
    assert verifier.cached(new) is None  # so that `verify` is asked, which refreshes
    await verifier.verify(new)
    await settle()
    assert endpoint.fetches == 2
    assert verifier.cached(old) is None
    assert verifier.cached(new) is not None
    assert (await refusal_of(verifier, old)).reason is Reason.UNKNOWN_KEY


async def test_another_key_under_the_old_name_replaces_it(
    forge: Forge, stranger: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    token = forge.token()
    await verifier.verify(token)
    endpoint.document = stranger.key_set()
    clock.turn(MAX_KEY_AGE_S)
    await verifier.verify(token)
    await settle()
    assert verifier.cached(token) is None
    assert (await refusal_of(verifier, token)).reason is Reason.SIGNATURE


async def test_an_unchanged_set_keeps_the_cache(
    forge: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    token = forge.token()
    principal = await verifier.verify(token)
    clock.turn(MAX_KEY_AGE_S)
    assert await verifier.verify(token) is principal
    await settle()
    assert endpoint.fetches == 2
    assert verifier.cached(token) is principal


@pytest.mark.parametrize(
    "answer",
    [
        b"<html>Sign in</html>",
        b'{"keys":[]}',
        b"",
        b'{"keys":[{"kty":"oct","k":"c2VjcmV0","kid":"key-1","alg":"HS256"}]}',
        ConnectionRefusedError("no"),
        TypeError("a fault in the fetch itself"),
    ],
    ids=["HTML", "no keys", "empty", "only a symmetric key", "down", "a bug"],
)
async def test_old_keys_go_on_when_a_fetch_fails(
    answer: bytes | Exception, forge: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    token = forge.token()
    await verifier.verify(token)
    endpoint.document = answer
    for _ in range(10):
        clock.turn(MAX_KEY_AGE_S / 2)
        fresh = forge.token(jti=str(clock.elapsed_s), exp=NOW + 86_400)
        assert (await verifier.verify(fresh)).subject == "auth0|alice"
        assert (await refusal_of(verifier, forge.token(header(kid="key-9")))).reason is Reason.UNKNOWN_KEY
        await settle()
        assert verifier.cached(fresh) is not None
    assert 2 <= endpoint.fetches <= 11


async def test_while_a_refresh_hangs_requests_do_not_wait(
    forge: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    token = forge.token()
    principal = await verifier.verify(token)
    endpoint.before_answer = asyncio.Event().wait
    clock.turn(MAX_KEY_AGE_S)
    assert verifier.cached(token) is None
    async with asyncio.timeout(1):
        assert await verifier.verify(token) is principal
        assert (await verifier.verify(forge.token(jti="2"))).subject == "auth0|alice"
    assert verifier.cached(token) is principal
    await verifier.close()


async def test_without_any_keys_yet_the_answer_is_try_again(
    forge: Forge, stranger: Forge, clock: TurnedClock, endpoint: Endpoint
) -> None:
    """A good token must not be called bad because the issuer was down when we started; a bad one still is."""
    endpoint.break_down()
    verifier = TokenVerifier(SETTINGS, clock, endpoint)
    await verifier.warm()
    clock.turn(10)
    for token in (forge.token(), stranger.token()):
        with pytest.raises(RequestError) as unavailable:
            await verifier.verify(token)
        assert unavailable.value.code is UNAVAILABLE
        assert unavailable.value.retry_after_s == 20
    assert (await refusal_of(verifier, forge.token(exp=NOW - 60))).reason is Reason.EXPIRED
    assert endpoint.fetches == 1
    endpoint.document = forge.key_set()
    clock.turn(20)
    assert (await verifier.verify(forge.token())).subject == "auth0|alice"
    assert endpoint.fetches == 2


@pytest.mark.parametrize("changes", [{"exp": NOW - 60}, {"aud": "other"}, {"iss": "https://evil.example/"}])
async def test_a_token_that_is_not_for_us_makes_us_fetch_nothing_more(
    changes: dict[str, object], forge: Forge, clock: TurnedClock, verifier: TokenVerifier, endpoint: Endpoint
) -> None:
    await verifier.warm()
    clock.turn(MIN_FETCH_INTERVAL_S * 2)
    await refusal_of(verifier, forge.token(header(kid="key-9"), **changes))
    assert endpoint.fetches == 1


async def test_only_the_issuer_of_the_token_is_asked(forge: Forge, clock: TurnedClock) -> None:
    endpoint = Endpoint(forge.key_set())
    issuers = [Issuer(f"https://{name}.example/", "api") for name in ("a", "b")]
    verifier = TokenVerifier(SETTINGS, clock, endpoint, issuers=issuers)
    await verifier.warm()
    clock.turn(MIN_FETCH_INTERVAL_S)
    await refusal_of(verifier, forge.token(header(kid="key-9"), iss="https://b.example/", aud="api"))
    assert endpoint.urls[2:] == ["https://b.example/.well-known/jwks.json"]


async def test_closing_stops_a_fetch(verifier: TokenVerifier, endpoint: Endpoint) -> None:
    endpoint.before_answer = asyncio.Event().wait
    warming = asyncio.create_task(verifier.warm())
    await settle()
    await verifier.close()
    async with asyncio.timeout(1):
        await warming
