"""The sealed cookie of a login that is under way."""

import re
from dataclasses import replace

import pytest

from clarivum.auth.oidc.attempt import LIFETIME_S, LoginAttempt, open_attempt, seal_attempt
from clarivum.auth.seal import Seal

NOW = 1_793_000_000.0
SECRET = "q7Vt2mB9kLx4Zr8Nw1Hs6Yp3Jd5Fg0Ca"
PURPOSE = "login attempt"


@pytest.fixture(scope="module")
def seal() -> Seal:
    return Seal([SECRET], PURPOSE)


def begun() -> LoginAttempt:
    return LoginAttempt.begin("/account", mfa=True, now=NOW)


def test_what_was_sealed_comes_back(seal: Seal) -> None:
    attempt = begun()
    sealed = seal_attempt(attempt, seal)
    assert open_attempt(sealed, seal, NOW + 1) == attempt
    assert re.fullmatch(r"[A-Za-z0-9._-]{100,1000}", sealed)  # fits a cookie as it is
    assert attempt.state not in sealed


def test_no_two_attempts_share_a_secret() -> None:
    first, second = begun(), begun()
    secrets = {first.state, first.nonce, first.verifier, second.state, second.nonce, second.verifier}
    assert len(secrets) == 6
    assert all(len(secret) == 43 for secret in secrets)  # 256 bits; RFC 7636 asks for 43 to 128 characters


@pytest.mark.parametrize("late_s", [LIFETIME_S, LIFETIME_S + 1, 86_400, -5, -86_400])
def test_it_lives_for_ten_minutes(seal: Seal, late_s: float) -> None:
    sealed = seal_attempt(begun(), seal)
    assert open_attempt(sealed, seal, NOW + LIFETIME_S - 1) is not None
    assert open_attempt(sealed, seal, NOW + late_s) is None


def test_every_changed_character_is_noticed(seal: Seal) -> None:
    sealed = seal_attempt(begun(), seal)
    for place in range(len(sealed)):
        other = "A" if sealed[place] != "A" else "B"
        changed = sealed[:place] + other + sealed[place + 1 :]
        opened = open_attempt(changed, seal, NOW)
        # The last character of a part may hold bits that mean nothing.
        assert opened is None or sealed[place + 1 : place + 2] in (".", "")


@pytest.mark.parametrize(
    "text", ["", ".", "....", "a.b.c.d.e", "é", "\x00", "x" * 5_000, "eyJhbGciOiJub25lIn0....", "null"]
)
def test_what_was_never_sealed_is_none(seal: Seal, text: str) -> None:
    assert open_attempt(text, seal, NOW) is None


def test_another_secret_or_purpose_opens_nothing(seal: Seal) -> None:
    sealed = seal_attempt(begun(), seal)
    assert open_attempt(sealed, Seal(["another-secret-of-thirty-two-chars"], PURPOSE), NOW) is None
    assert open_attempt(sealed, Seal([SECRET], "session refresh"), NOW) is None


def test_secrets_rotate(seal: Seal) -> None:
    rotated = Seal(["another-secret-of-thirty-two-chars", SECRET], PURPOSE)
    assert open_attempt(seal_attempt(begun(), seal), rotated, NOW) is not None
    assert open_attempt(seal_attempt(begun(), rotated), seal, NOW) is None


def test_another_content_under_the_same_seal_is_none(seal: Seal) -> None:
    assert open_attempt(seal.close(b'{"state":"x"}'), seal, NOW) is None
    assert open_attempt(seal.close(b"[]"), seal, NOW) is None
    assert open_attempt(seal.close(b"no JSON"), seal, NOW) is None
    assert not replace(begun(), started_at=int(NOW)).is_over(NOW)
