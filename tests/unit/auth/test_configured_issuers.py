"""Several issuers and other role names, by settings alone."""

import pytest
from joserfc.jwk import RSAKey

from clarivum.auth import Reason, TokenRefusedError, TokenVerifier
from clarivum.auth.fetch import FetchError
from clarivum.auth.policy import issuers_of
from clarivum.auth.roles import OWN_NAMES, known_roles, parse_role_map
from clarivum.errors import ConfigurationError
from clarivum.settings import Settings
from clarivum.testing.telemetry import metric_points
from tests.unit.auth.forge import AUDIENCE, ISSUER, ROLES_CLAIM, Forge, TurnedClock

CUSTOM = "https://login.clarivum.com/"
ENVIRON = {"AUTH0_DOMAIN": "clarivum.eu.auth0.com", "AUTH0_AUDIENCE": AUDIENCE}


def settings(**more: str) -> Settings:
    return Settings.load({**ENVIRON, **more})


def dropped() -> float:
    """The counter of dropped roles."""
    return sum(float(value) for value in metric_points("clarivum.auth.roles.dropped").values())


class TwoIssuers:
    """Key sets of two issuers, by the place where each is looked for."""

    def __init__(self, **key_sets: bytes) -> None:
        self._key_sets = key_sets

    async def __call__(self, url: str) -> bytes:
        for name, key_set in self._key_sets.items():
            if url == f"https://{name.replace('__', '.')}/.well-known/jwks.json":
                return key_set
        raise FetchError("status 404")


def test_domains_and_urls_are_issuers_with_a_slash() -> None:
    further = issuers_of(settings(CLARIVUM_ADDITIONAL_ISSUERS="login.clarivum.com, https://old.example.org/realm/"))
    assert [issuer.url for issuer in further] == [ISSUER, CUSTOM, "https://old.example.org/realm/"]
    assert {issuer.audience for issuer in further} == {AUDIENCE}
    assert further[2].keys_url == "https://old.example.org/realm/.well-known/jwks.json"


@pytest.mark.parametrize(
    "text",
    ["login.clarivum.com/", "https://login.clarivum.com", "lo gin", "a.b,,c.d", "https://u@h.example/", "a.b c.d"],
)
def test_an_issuer_of_another_form_is_refused_with_its_variable(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_ADDITIONAL_ISSUERS") as refused:
        issuers_of(settings(CLARIVUM_ADDITIONAL_ISSUERS=text))
    assert text not in refused.value.detail


@pytest.mark.parametrize(
    "text", ["clarivum.eu.auth0.com", "login.clarivum.com,login.clarivum.com", "http://login.clarivum.com/"]
)
def test_an_issuer_named_twice_or_without_tls_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_ADDITIONAL_ISSUERS"):
        TokenVerifier(settings(CLARIVUM_ADDITIONAL_ISSUERS=text))


async def test_issuers_are_names_of_one_tenant_each_with_its_published_keys(forge: Forge) -> None:
    other = Forge(RSAKey.generate_key(2_048))
    fetch = TwoIssuers(clarivum__eu__auth0__com=forge.key_set(), login__clarivum__com=other.key_set())
    verifier = TokenVerifier(settings(CLARIVUM_ADDITIONAL_ISSUERS="login.clarivum.com"), TurnedClock(), fetch)
    before, moved = await verifier.verify(forge.token()), await verifier.verify(other.token(iss=CUSTOM))
    assert (before.subject, before.roles) == (moved.subject, moved.roles) == ("auth0|alice", {"member"})
    for crossed in (forge.token(iss=CUSTOM), other.token(iss=ISSUER)):
        with pytest.raises(TokenRefusedError) as refused:
            await verifier.verify(crossed)
        assert refused.value.reason is Reason.SIGNATURE
    with pytest.raises(TokenRefusedError):
        await TokenVerifier(settings(), TurnedClock(), fetch).verify(other.token(iss=CUSTOM))


async def test_the_tenants_names_of_roles_are_mapped_and_the_rest_is_counted(
    forge: Forge,
) -> None:
    before = dropped()
    mapped = settings(CLARIVUM_ROLE_MAP="Editors=editor, Clarivum Admins = admin")
    verifier = TokenVerifier(mapped, TurnedClock(), TwoIssuers(clarivum__eu__auth0__com=forge.key_set()))
    token = forge.token(**{ROLES_CLAIM: ["Editors", "Clarivum Admins", "member", "Editor", "root"]})
    assert (await verifier.verify(token)).roles == {"editor", "admin", "member"}
    assert dropped() - before == 2


def test_our_names_stand_for_themselves() -> None:
    assert parse_role_map("") == OWN_NAMES
    assert known_roles(["member", "Editors"]) == (frozenset({"member"}), 1)
    assert known_roles(["Editors"], parse_role_map("Editors=editor")) == (frozenset({"editor"}), 0)


@pytest.mark.parametrize(
    "text", ["Editors", "Editors=", "=editor", "Editors=root", "A=editor,A=admin", "member=admin", ","]
)
def test_a_map_that_cannot_be_meant_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_ROLE_MAP"):
        TokenVerifier(settings(CLARIVUM_ROLE_MAP=text))
