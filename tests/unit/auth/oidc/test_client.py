"""The OpenID Connect client: what it asks an issuer for, and how it lives with one that answers badly or not at all."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

import pytest

from clarivum.auth.fetch import FetchError
from clarivum.auth.oidc import GrantRefusedError, LoginAttempt, OpenIdClient, Registration
from clarivum.auth.oidc.exchange import Answer, ExchangeError
from clarivum.errors import UNAVAILABLE, RequestError
from tests.unit.auth.forge import AUDIENCE, ISSUER, NOW, TurnedClock

CALLBACK = "https://api.clarivum.com/auth/callback"
OTHER_ISSUER = "https://login.example.org/"


@dataclass
class Issuer:
    """Answers with its metadata and `answer`; counts what it is asked."""

    url: str = ISSUER
    members: dict[str, object] = field(default_factory=dict)
    down: bool = False
    answer: Answer = field(default_factory=lambda: Answer(200, {"access_token": "a", "token_type": "Bearer"}))
    fetched: int = 0
    posted: list[tuple[str, Mapping[str, str], str]] = field(default_factory=list)

    async def fetch(self, url: str) -> bytes:
        assert url == f"{self.url}.well-known/openid-configuration"
        self.fetched += 1
        if self.down:
            raise FetchError("no answer")
        document = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}authorize",
            "token_endpoint": f"{self.url}oauth/token",
            **self.members,
        }
        return json.dumps(document).encode()

    async def post(self, url: str, headers: Mapping[str, str], body: str) -> Answer:
        self.posted.append((url, headers, body))
        if self.down:
            raise ExchangeError("no answer")
        return self.answer

    def client(self, clock: TurnedClock) -> OpenIdClient:
        registration = Registration(self.url, "client", "s3cr3t", CALLBACK, AUDIENCE)
        return OpenIdClient(registration, clock, self.fetch, self.post)


def attempt(*, mfa: bool = False) -> LoginAttempt:
    return LoginAttempt.begin("/", mfa=mfa, now=NOW)


async def asked(issuer: Issuer, clock: TurnedClock, *, mfa: bool = False) -> dict[str, list[str]]:
    return parse_qs(urlsplit(await issuer.client(clock).authorization_url(attempt(mfa=mfa))).query)


async def test_auth0_is_asked_for_an_audience_and_others_for_a_resource_as_well(clock: TurnedClock) -> None:
    auth0, other = await asked(Issuer(), clock), await asked(Issuer(OTHER_ISSUER), clock)
    assert auth0["audience"] == other["audience"] == other["resource"] == [AUDIENCE]
    assert "resource" not in auth0
    assert auth0["redirect_uri"] == [CALLBACK]
    assert "acr_values" not in auth0


async def test_a_second_factor_is_asked_for_with_a_new_sign_in(clock: TurnedClock) -> None:
    query = await asked(Issuer(), clock, mfa=True)
    assert query["acr_values"] == ["http://schemas.openid.net/pape/policies/2007/06/multi-factor"]
    assert query["prompt"] == ["login"]


async def test_metadata_is_read_every_ten_minutes_and_an_old_one_goes_on(clock: TurnedClock) -> None:
    issuer = Issuer()
    client = issuer.client(clock)
    for _ in range(5):
        await client.provider()
    assert issuer.fetched == 1
    clock.turn(600)
    issuer.down = True
    for _ in range(5):
        await client.provider()
    assert issuer.fetched == 2
    clock.turn(5)
    issuer.members = {"issuer": "https://evil.example/"}
    issuer.down = False
    assert (await client.provider()).issuer == ISSUER
    assert issuer.fetched == 3


async def test_an_issuer_that_was_never_reached_is_asked_at_most_every_five_seconds(clock: TurnedClock) -> None:
    issuer = Issuer(down=True)
    client = issuer.client(clock)
    for _ in range(5):
        with pytest.raises(RequestError) as unavailable:
            await client.provider()
        assert unavailable.value.code is UNAVAILABLE
    assert issuer.fetched == 1
    clock.turn(5)
    issuer.down = False
    assert (await client.provider()).issuer == ISSUER


async def test_a_code_goes_with_its_verifier_and_the_clients_secret(clock: TurnedClock) -> None:
    begun = attempt()
    for methods, in_header in ((["client_secret_basic"], True), (["client_secret_post"], False)):
        issuer = Issuer(members={"token_endpoint_auth_methods_supported": methods})
        await issuer.client(clock).redeem("the-code", begun)
        url, headers, body = issuer.posted[0]
        form = {name: values[0] for name, values in parse_qs(body).items()}
        assert url == f"{ISSUER}oauth/token"
        assert form["code_verifier"] == begun.verifier
        assert (form["code"], form["redirect_uri"], form["grant_type"]) == ("the-code", CALLBACK, "authorization_code")
        if in_header:
            assert headers["Authorization"] == "Basic " + base64.b64encode(b"client:s3cr3t").decode()
            assert "s3cr3t" not in body
        else:
            assert form["client_secret"] == "s3cr3t"


async def test_a_code_that_is_not_taken_is_told_from_an_issuer_that_fails(clock: TurnedClock) -> None:
    issuer = Issuer(answer=Answer(403, {"error": "invalid_grant"}))
    with pytest.raises(GrantRefusedError):
        await issuer.client(clock).redeem("the-code", attempt())
    for answer in (Answer(401, {"error": "invalid_client"}), Answer(500, {}), Answer(200, {"token_type": "Bearer"})):
        issuer.answer = answer
        with pytest.raises(RequestError) as unavailable:
            await issuer.client(clock).refresh("r")
        assert unavailable.value.code is UNAVAILABLE
        assert "invalid_client" not in unavailable.value.detail


async def test_signing_out_leads_over_the_issuer_and_back(clock: TurnedClock) -> None:
    back = "https://api.clarivum.com/"
    advertised = await Issuer(members={"end_session_endpoint": f"{ISSUER}oidc/logout"}).client(clock).logout_url(back)
    assert advertised.startswith(f"{ISSUER}oidc/logout?client_id=client&post_logout_redirect_uri=https%3A%2F%2F")
    own_way = await Issuer().client(clock).logout_url(back)
    assert own_way == f"{ISSUER}v2/logout?client_id=client&returnTo=https%3A%2F%2Fapi.clarivum.com%2F"
    assert await Issuer(OTHER_ISSUER).client(clock).logout_url(back) == back
    assert await Issuer(down=True).client(clock).logout_url(back) == back


async def test_a_refresh_token_is_dropped_where_the_issuer_takes_that(clock: TurnedClock) -> None:
    issuer = Issuer(members={"revocation_endpoint": f"{ISSUER}oauth/revoke"}, answer=Answer(200, {}))
    assert await issuer.client(clock).revoke("r1")
    url, _, body = issuer.posted[0]
    assert (url, parse_qs(body)["token"]) == (f"{ISSUER}oauth/revoke", ["r1"])
    assert not await Issuer().client(clock).revoke("r1")
    assert not await Issuer(down=True).client(clock).revoke("r1")
    refusing = Issuer(members=issuer.members, answer=Answer(401, {"error": "invalid_client"}))
    assert not await refusing.client(clock).revoke("r1")
