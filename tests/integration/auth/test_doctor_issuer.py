"""`doctor` against a real issuer on loopback that has each of the usual mistakes."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import OctKey, RSAKey

from clarivum.auth.setup_mistakes import in_settings
from clarivum.cli.dependency import Dependency, State
from clarivum.cli.place import Running
from clarivum.cli.reachability import dependencies
from clarivum.settings import Settings
from tests.integration.auth.local_issuer import LocalIssuer, environment, local_issuer
from tests.integration.checks.commands import clarivum
from tests.unit.auth.forge import AUDIENCE, ROLES_CLAIM, Forge, header, to_json

# The key that is to be found weak is made by joserfc, which warns of it.
pytestmark = pytest.mark.filterwarnings("ignore:Key size should be")


def asked(issuer: LocalIssuer, token: str | None = None, **more: str) -> dict[str, Dependency]:
    settings = Settings.load(environment(issuer, **more))
    running = Running(1, "", issuer.url, "", "")
    found = {each.name: each for each in dependencies(settings, running, token)}
    assert found.pop("database").state in {State.DOWN, State.UNFIT}
    assert found.pop("collector").state is State.OFF
    return found


def good_token(issuer: LocalIssuer, forge: Forge, **changes: Any) -> str:
    now = int(time.time())
    return forge.token(**{"iss": issuer.url, "iat": now, "exp": now + 600, **changes})


def test_an_issuer_without_a_mistake_is_well(forge: Forge) -> None:
    with local_issuer(forge) as issuer:
        found = asked(issuer, good_token(issuer, forge))
    assert {name: each.state for name, each in found.items()} == {
        "issuer": State.OK,
        "issuer keys": State.OK,
        "token": State.OK,
    }
    assert found["token"].detail == "accepted; roles: member; e-mail: none in the token"
    assert found["issuer keys"].detail.startswith("1 at http://127.0.0.1")


def weak() -> dict[str, Any]:
    return {**RSAKey.generate_key(1_024).as_dict(private=False), "kid": "weak", "alg": "RS256"}


MISTAKES: dict[str, tuple[Callable[[LocalIssuer, Forge], None], str, str, str]] = {
    "no final slash": (
        lambda issuer, forge: issuer.publish(forge.key_set(), issuer=issuer.url.rstrip("/")),
        "issuer",
        "the final slash differs",
        "Auth0's ends with a slash",
    ),
    "another scheme": (
        lambda issuer, forge: issuer.publish(forge.key_set(), issuer=issuer.url.replace("http", "https")),
        "issuer",
        "it calls itself https://127.0.0.1",
        "exactly as it writes itself",
    ),
    "the tenant behind a custom domain": (
        lambda issuer, forge: issuer.publish(forge.key_set(), issuer="https://tenant.eu.auth0.com/"),
        "issuer",
        "tenant and custom domain differ",
        "CLARIVUM_ADDITIONAL_ISSUERS",
    ),
    "HS256": (
        lambda issuer, forge: issuer.publish(forge.key_set(), id_token_signing_alg_values_supported=["HS256"]),
        "issuer",
        "it signs with HS256",
        "RS256",
    ),
    "keys elsewhere": (
        lambda issuer, forge: issuer.publish(forge.key_set(), jwks_uri=f"{issuer.url}keys"),
        "issuer",
        "it keeps its keys at",
        "/.well-known/jwks.json",
    ),
    "no issuer": (
        lambda issuer, forge: issuer.publish(forge.key_set(), issuer=...),
        "issuer",
        "no OpenID Connect metadata",
        "check the domain",
    ),
    "a slow clock": (
        lambda issuer, _: setattr(issuer, "ahead_s", 95.0),
        "issuer",
        "s behind the issuer's; 30 s are forgiven",
        "NTP",
    ),
    "a fast clock": (
        lambda issuer, _: setattr(issuer, "ahead_s", -95.0),
        "issuer",
        "s ahead of the issuer's",
        "NTP",
    ),
    "a weak key": (
        lambda issuer, _: issuer.publish(to_json({"keys": [weak()]})),
        "issuer keys",
        "RSA modulus is not between 2048 and 8192 bits",
        "2048 bits or more",
    ),
    "a symmetric key": (
        lambda issuer, _: issuer.publish(to_json({"keys": [{**OctKey.generate_key(256).as_dict(), "kid": "s"}]})),
        "issuer keys",
        "kty is none of RSA, EC, OKP",
        "set the API in Auth0 to RS256",
    ),
    "a private key": (
        lambda issuer, forge: issuer.publish(
            to_json({"keys": [{**forge.key.as_dict(private=True), "kid": "p", "alg": "RS256"}]})
        ),
        "issuer keys",
        "holds private key material",
        "revoke it at once",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_named_with_what_to_do(mistake: str, forge: Forge) -> None:
    make, name, told, fix = MISTAKES[mistake]
    with local_issuer(forge) as issuer:
        make(issuer, forge)
        found = asked(issuer)[name]
    assert found.state is State.UNFIT
    assert told in found.detail
    assert fix in found.fix


def test_a_weak_key_beside_a_good_one_is_told_and_not_minded(forge: Forge) -> None:
    with local_issuer(forge) as issuer:
        issuer.publish(to_json({"keys": [forge.published(), weak()]}))
        keys = asked(issuer)["issuer keys"]
    assert keys.state is State.OK
    assert "a key is not used: keys[1]: RSA modulus" in keys.detail


BAD_TOKENS: dict[str, tuple[Callable[[LocalIssuer, Forge], str], str]] = {
    "opaque": (lambda issuer, forge: "b3BhcXVlLXRva2Vu", f"Request it with audience={AUDIENCE}"),
    "without an audience": (lambda issuer, forge: good_token(issuer, forge, aud=...), "audience: aud is missing"),
    "for another API": (lambda issuer, forge: good_token(issuer, forge, aud="https://other/"), "aud is https://other/"),
    "of HS256": (
        lambda issuer, forge: forge.token(header(alg="HS256"), iss=issuer.url, exp=int(time.time()) + 600),
        "HS256 is not allowed",
    ),
    "of an issuer without its slash": (
        lambda issuer, forge: good_token(issuer, forge, iss=issuer.url.rstrip("/")),
        "only in scheme, case or final slash",
    ),
    "without its roles claim": (
        lambda issuer, forge: good_token(issuer, forge, **{ROLES_CLAIM: ..., "https://other/roles": ["editor"]}),
        "there is no claim https://clarivum.com/roles; the token has https://other/roles",
    ),
}


@pytest.mark.parametrize("kind", BAD_TOKENS)
def test_a_token_with_a_mistake_is_named(kind: str, forge: Forge) -> None:
    make, told = BAD_TOKENS[kind]
    with local_issuer(forge) as issuer:
        token = make(issuer, forge)
        found = asked(issuer, token)["token"]
    assert found.state is State.UNFIT
    assert told in found.detail
    assert token not in found.detail


def test_an_address_that_is_not_used_is_told(forge: Forge) -> None:
    with local_issuer(forge) as issuer:
        found = asked(issuer, good_token(issuer, forge, email="alice@example.org"))["token"]
    assert found.state is State.OK
    assert found.detail.endswith("e-mail: not used: email counts only beside email_verified: true")


def test_every_issuer_is_asked_by_its_name(forge: Forge) -> None:
    with local_issuer(forge) as first, local_issuer(forge, issuer="https://elsewhere.example/") as second:
        found = asked(first, CLARIVUM_ADDITIONAL_ISSUERS=second.url)
        place = second.url.removeprefix("http://").rstrip("/")
    assert {name: each.state for name, each in found.items()} == {
        "issuer": State.OK,
        "issuer keys": State.OK,
        f"issuer {place}": State.UNFIT,
        f"issuer {place} keys": State.OK,
    }


def test_another_tenant_is_told_from_another_name_by_its_keys(forge: Forge) -> None:
    with local_issuer(forge) as first, local_issuer(Forge(RSAKey.generate_key(2_048))) as second:
        found = asked(first, CLARIVUM_ADDITIONAL_ISSUERS=second.url)
        place = second.url.removeprefix("http://").rstrip("/")
        alone = asked(second)
    keys = found[f"issuer {place} keys"]
    assert (found[f"issuer {place}"].state, keys.state) == (State.OK, State.UNFIT)
    assert "shares no key with AUTH0_DOMAIN's" in keys.detail
    assert "CLARIVUM_ADDITIONAL_ISSUERS" in keys.fix
    assert {each.state for each in alone.values()} == {State.OK}


def test_issuers_and_roles_that_cannot_be_used_are_named(forge: Forge) -> None:
    with local_issuer(forge) as issuer:
        twice = asked(issuer, CLARIVUM_ADDITIONAL_ISSUERS=issuer.url)["sign-in settings"]
        mapped = asked(issuer, CLARIVUM_ROLE_MAP="Editors=root")["sign-in settings"]
    assert (twice.state, mapped.state) == (State.UNFIT, State.UNFIT)
    assert "CLARIVUM_ADDITIONAL_ISSUERS" in twice.detail
    assert "CLARIVUM_ROLE_MAP" in mapped.detail


@pytest.mark.parametrize(
    ("environ", "told"),
    [
        ({"CLARIVUM_ROLES_CLAIM": "roles"}, "is reserved"),
        ({"CLARIVUM_ROLES_CLAIM": "our_roles"}, "has no namespace"),
        ({"CLARIVUM_ROLES_CLAIM": "https://tenant.auth0.com/roles"}, "namespace of Auth0's own"),
        ({"AUTH0_DOMAIN": "t.eu.auth0.com", "AUTH0_AUDIENCE": "https://t.eu.auth0.com/userinfo"}, "userinfo endpoint"),
    ],
)
def test_settings_that_lose_roles_or_audience_are_told(environ: dict[str, str], told: str) -> None:
    (mistake,) = in_settings(Settings.load(environ))
    assert told in mistake.what
    assert list(in_settings(Settings.load({}))) == []


def test_the_command_judges_a_token_and_a_domain_with_a_scheme_is_refused(forge: Forge, tmp_path: Path) -> None:
    with local_issuer(forge, issuer="http://127.0.0.1") as issuer:
        kept = tmp_path / "token"
        kept.write_text(good_token(issuer, forge))
        Running(1, "", issuer.url, "postgresql://u@127.0.0.1:1/d", "").write(tmp_path)
        ended = clarivum(
            "doctor", "--token", str(kept), "--data", str(tmp_path), "--format", "json", **environment(issuer)
        )
    states = {each["name"]: each["state"] for each in json.loads(ended.stdout)["dependencies"]}
    assert (ended.returncode, states["issuer"], states["token"]) == (3, "unfit", "ok")
    schemed = clarivum("doctor", "--data", str(tmp_path), AUTH0_DOMAIN="https://tenant.eu.auth0.com/")
    assert schemed.returncode == 3
    assert "AUTH0_DOMAIN must be a host name such as tenant.eu.auth0.com, without scheme or path" in schemed.stdout
