"""The explanation of a token says what the verifier says, and repeats nothing that should not be repeated."""

import pytest

from clarivum.auth import Reason
from clarivum.auth.explanation import Step, explain_token
from clarivum.auth.shown import shown
from clarivum.settings import Settings
from tests.unit.auth.forge import AUDIENCE, ISSUER, ROLES_CLAIM, SETTINGS, Endpoint, Forge, TurnedClock, header
from tests.unit.auth.refused_tokens import REFUSED_TOKENS

EMAIL_CLAIM = "https://clarivum.com/email"


async def steps_of(token: str, endpoint: Endpoint, settings: Settings = SETTINGS) -> dict[str, Step]:
    explained = await explain_token(token, settings, endpoint, TurnedClock())
    said = " ".join(step.detail for step in explained.steps)
    assert not any(part in said for part in token.split(".") if len(part) > 20)
    assert "alice@" not in said
    return {step.name: step for step in explained.steps}


@pytest.mark.parametrize("name", REFUSED_TOKENS)
async def test_the_first_step_that_fails_is_why_the_verifier_refuses(
    name: str, forge: Forge, stranger: Forge, endpoint: Endpoint
) -> None:
    make, reason = REFUSED_TOKENS[name]
    steps = await steps_of(make(forge, stranger), endpoint)
    failed = [step for step in steps.values() if step.passed is False]
    assert failed[0].reason is reason
    assert failed[-1] is steps["verdict"]
    assert steps["verdict"].reason is reason


async def test_a_good_token_passes_every_step(forge: Forge, endpoint: Endpoint) -> None:
    token = forge.token(**{EMAIL_CLAIM: "alice@example.org", f"{EMAIL_CLAIM}_verified": True})
    steps = await steps_of(token, endpoint)
    assert [name for name, step in steps.items() if step.passed is False] == []
    assert list(steps) == [
        *(
            "shape",
            "algorithm",
            "issuer",
            "audience",
            "kind",
            "subject",
            "times",
            "key",
            "signature",
            "roles",
            "e-mail",
            "revocation",
            "verdict",
        )
    ]
    assert steps["roles"].detail == "member"
    assert steps["e-mail"].detail == f"in {EMAIL_CLAIM}, verified"
    assert steps["revocation"].detail.startswith("not looked at: ")
    assert steps["times"].detail == "issued 2026-11-01 12:00:00Z (+0 s), expires 2026-11-01 13:00:00Z (+3600 s)"


async def test_an_address_that_is_not_used_is_told_why(forge: Forge, endpoint: Endpoint) -> None:
    assert (await steps_of(forge.token(), endpoint))["e-mail"].detail == "none in the token"
    for name in (EMAIL_CLAIM, "email"):
        steps = await steps_of(forge.token(**{name: "alice@example.org"}), endpoint)
        assert steps["e-mail"].detail == f"not used: {name} counts only beside {name}_verified: true"
        assert steps["verdict"].passed


async def test_everything_that_is_wrong_is_told_at_once(forge: Forge, stranger: Forge, endpoint: Endpoint) -> None:
    steps = await steps_of(stranger.token(aud="https://other.example", exp=1), endpoint)
    assert [name for name, step in steps.items() if step.passed is False] == [
        "audience",
        "times",
        "signature",
        "verdict",
    ]
    assert f"ask the issuer for it with audience={AUDIENCE}" in steps["audience"].detail
    assert steps["verdict"].reason is Reason.AUDIENCE


async def test_an_opaque_token_is_told_to_ask_for_an_audience(endpoint: Endpoint) -> None:
    steps = await steps_of("Zm9yZ2VkLW9wYXF1ZS10b2tlbg", endpoint)
    assert steps["shape"].reason is Reason.OPAQUE
    assert f"audience={AUDIENCE}" in steps["shape"].detail


@pytest.mark.parametrize("given", [ISSUER.rstrip("/"), ISSUER.replace("https", "http"), ISSUER.upper()])
async def test_an_issuer_that_is_nearly_right_is_told_so(given: str, forge: Forge, endpoint: Endpoint) -> None:
    steps = await steps_of(forge.token(iss=given), endpoint)
    assert "differs from https://clarivum.eu.auth0.com/ only in" in steps["issuer"].detail


async def test_a_symmetric_algorithm_names_the_setting_of_the_tenant(forge: Forge, endpoint: Endpoint) -> None:
    steps = await steps_of(forge.token(header(alg="HS256")), endpoint)
    assert steps["algorithm"].detail == "HS256 is not allowed, only RS256; set the API in Auth0 to RS256"


async def test_roles_under_another_name_and_roles_of_another_name_are_told(forge: Forge, endpoint: Endpoint) -> None:
    elsewhere = await steps_of(forge.token(**{ROLES_CLAIM: ..., "roles": ["editor"]}), endpoint)
    assert "there is no claim https://clarivum.com/roles; the token has roles; add them" in elsewhere["roles"].detail
    foreign = await steps_of(forge.token(**{ROLES_CLAIM: ["Editor", "member"]}), endpoint)
    assert foreign["roles"].detail.startswith("member; dropped, because")
    assert foreign["roles"].detail.endswith(": Editor")
    flat = await steps_of(forge.token(**{ROLES_CLAIM: "editor"}), endpoint)
    assert "no array of strings" in flat["roles"].detail


async def test_keys_that_cannot_be_fetched_are_told(forge: Forge, endpoint: Endpoint) -> None:
    endpoint.break_down("status 503")
    steps = await steps_of(forge.token(), endpoint)
    assert steps["keys"].detail == f"{ISSUER}.well-known/jwks.json: status 503"
    assert steps["verdict"].passed is False


def test_what_a_token_says_cannot_act_on_a_terminal() -> None:
    assert shown("a\x1b[2Jb\nc") == "a�[2Jb�c"
    assert shown("x" * 500) == "x" * 120 + "…"
    assert shown(["alice@example.org", "b"]) == "***, b"
    assert shown(None) == "missing"
