"""Every session cookie of the table is refused in both formats: 401, one text for every reason, nothing remembered."""

import time

import pytest

from clarivum.auth.cookies import SessionCookies, SessionReason, SessionRefusedError
from clarivum.auth.cookies.refusal import REFUSED
from clarivum.errors import INVALID_SESSION
from tests.unit.auth.cookie_forge import FORMATS, NAMES, OTHER_SECRET, SECRET, CookieForge
from tests.unit.auth.forge import NOW
from tests.unit.auth.refused_cookies import REFUSED_COOKIES

BUDGET_S = 0.005


@pytest.fixture(scope="module")
def cookies() -> SessionCookies:
    return SessionCookies([SECRET], secure=True)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", REFUSED_COOKIES)
def test_refused(name: str, format: str, cookies: SessionCookies) -> None:
    make, reason = REFUSED_COOKIES[name]
    pairs = make(CookieForge(format))
    for _ in range(2):
        with pytest.raises(SessionRefusedError) as refused:
            cookies.read(pairs, NOW)
        assert refused.value.reason is reason, refused.value.log
        assert refused.value.code is INVALID_SESSION
        assert refused.value.code.status == 401
        assert refused.value.detail == REFUSED
        assert refused.value.log.startswith(f"{reason.value}: ")
    said = f"{refused.value.detail} {refused.value.log}"
    assert "Alice" not in said
    assert not any(value in said for _, value in pairs if len(value) > 8)


def test_the_table_is_large() -> None:
    assert len(REFUSED_COOKIES) >= 60
    reasons = {reason for _, reason in REFUSED_COOKIES.values()}
    assert reasons == set(SessionReason) - {SessionReason.REVOKED}  # the application's to say


@pytest.mark.parametrize("sealed_as", ["authjs.session-token", "__Host-authjs.session-token", NAMES["nextauth"]])
def test_the_name_is_part_of_the_key_of_v5(sealed_as: str, cookies: SessionCookies) -> None:
    """Renamed cookies are refused: a cookie planted under a weaker name cannot be passed off as a stricter one."""
    forge = CookieForge("authjs", name=sealed_as)
    for header in (forge.header(), forge.header(kid=...)):
        with pytest.raises(SessionRefusedError) as refused:
            cookies.read([(NAMES["authjs"], forge.value(header))], NOW)
        assert refused.value.reason is SessionReason.SEAL


@pytest.mark.parametrize("format", FORMATS)
def test_a_secret_that_is_no_longer_in_the_list(format: str) -> None:
    forge = CookieForge(format, secret=OTHER_SECRET)
    SessionCookies([SECRET, OTHER_SECRET], secure=True).read(forge.pairs(), NOW)
    with pytest.raises(SessionRefusedError):
        SessionCookies([SECRET], secure=True).read(forge.pairs(), NOW)


@pytest.mark.parametrize("format", FORMATS)
def test_every_bit_of_a_cookie_counts(format: str, cookies: SessionCookies) -> None:
    """Each character of each part replaced by its neighbour, one at a time."""
    forge = CookieForge(format)
    value = forge.value()
    cookies.read([(forge.name, value)], NOW)
    for position, letter in enumerate(value):
        other = {"A": "B"}.get(letter, "A") if letter != "." else "A"
        with pytest.raises(SessionRefusedError):
            cookies.read([(forge.name, value[:position] + other + value[position + 1 :])], NOW)


def test_refusing_is_quick() -> None:
    """Under 5 ms each, at the best of three runs, with as many secrets as there can be."""
    cookies = SessionCookies([*(f"{OTHER_SECRET}{number}" for number in range(4)), SECRET], secure=True)
    slowest = 0.0
    for make, _ in REFUSED_COOKIES.values():
        for format in FORMATS:
            pairs = make(CookieForge(format))
            runs = []
            for _ in range(3):
                start = time.perf_counter()
                with pytest.raises(SessionRefusedError):
                    cookies.read(pairs, NOW)
                runs.append(time.perf_counter() - start)
            slowest = max(slowest, min(runs))
    assert slowest < BUDGET_S
