"""Session cookies that are read and written as they should be."""

import base64
import json
import time
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.auth.cookies import SessionCookies, SessionToken, parse_cookies
from clarivum.errors import ConfigurationError
from tests.unit.auth.cookie_forge import FORMATS, NAMES, OTHER_SECRET, SECRET, CookieForge, Pairs
from tests.unit.auth.forge import NOW, to_json

THIRD_SECRET = "and a third one of them, 5Kq0vWmZ"


@pytest.fixture
def cookies() -> SessionCookies:
    return SessionCookies([SECRET], secure=True)


def read(cookies: SessionCookies, pairs: Pairs, now: float = NOW) -> SessionToken:
    session = cookies.read(pairs, now)
    assert session is not None
    return session


def sent_back(set_cookies: list[str]) -> Pairs:
    """What a browser sends after these Set-Cookie headers."""
    return [
        (name, value) for name, _, value in (cookie.partition(";")[0].partition("=") for cookie in set_cookies) if value
    ]


@pytest.mark.parametrize("format", FORMATS)
def test_what_a_session_says(format: str, cookies: SessionCookies) -> None:
    session = read(cookies, CookieForge(format).pairs())
    assert session.claims["name"] == "Alice"
    assert session.access_token == "a.b.c"
    assert (session.issued_at, session.expires_at) == (NOW - 60, NOW + 3_600)
    assert (session.format, session.cookie) == (format, NAMES[format])
    assert "Alice" not in repr(session)
    assert "a.b.c" not in repr(session)


@pytest.mark.parametrize("format", FORMATS)
def test_chunks_in_whatever_order_they_are_sent(format: str, cookies: SessionCookies) -> None:
    """Eleven and more: in numeric order `.10` comes after `.2`, in the order of text before it."""
    chunks = CookieForge(format).chunks(size=20)
    assert len(chunks) > 11
    assert read(cookies, chunks) == read(cookies, chunks[::-1]) == read(cookies, sorted(chunks))


@given(st.sampled_from(FORMATS), st.lists(st.integers(1, 400), max_size=12), st.randoms(use_true_random=False))
def test_chunks_of_any_size_in_any_order(format: str, cuts: list[int], random: Random) -> None:
    """Releases cut at different places: where does not matter."""
    forge = CookieForge(format)
    value = forge.value()
    places = [0, *sorted({cut for cut in cuts if cut < len(value)}), len(value)]
    pairs = [(f"{forge.name}.{n}", value[a:b]) for n, (a, b) in enumerate(pairwise(places))]
    random.shuffle(pairs)
    assert read(SessionCookies([SECRET], secure=True), pairs).access_token == "a.b.c"


@pytest.mark.parametrize("format", FORMATS)
def test_one_chunk_alone(format: str, cookies: SessionCookies) -> None:
    assert read(cookies, CookieForge(format).chunks(size=10_000)).access_token == "a.b.c"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("extra", [".x", ".0x", ".", ".-1", ".0.0", "x", "2", ".\u0660", ".callback"])
def test_other_names_are_no_chunks(format: str, extra: str, cookies: SessionCookies) -> None:
    forge = CookieForge(format)
    assert read(cookies, [*forge.pairs(), (forge.name + extra, "AAAA")]).access_token == "a.b.c"
    assert cookies.read([(forge.name + extra, "AAAA")], NOW) is None


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("place", [0, 1, 2])
def test_every_secret_of_the_list_opens(format: str, place: int) -> None:
    secrets = [OTHER_SECRET, THIRD_SECRET]
    secrets.insert(place, SECRET)
    forge = CookieForge(format)
    for header in (None, forge.header(kid=...)):
        cookies = SessionCookies(secrets, secure=True)
        assert read(cookies, forge.pairs(forge.value(header))).access_token == "a.b.c"


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("prefix", ["__Host-", "__Secure-", ""])
def test_prefixes(format: str, prefix: str) -> None:
    """Under TLS a name without a prefix is none of ours: plain HTTP could have planted it."""
    forge = CookieForge(format, name=prefix + NAMES[format].removeprefix("__Secure-"))
    assert read(SessionCookies([SECRET], secure=False), forge.pairs()).cookie == forge.name
    under_tls = SessionCookies([SECRET], secure=True).read(forge.pairs(), NOW)
    assert (under_tls is not None) is bool(prefix)


def test_v5_comes_before_v4_and_the_stricter_prefix_before_the_weaker() -> None:
    cookies = SessionCookies([SECRET], secure=False)
    pairs: Pairs = []
    for name in ("next-auth.session-token", "__Secure-next-auth.session-token"):
        pairs += CookieForge("nextauth", name=name).pairs()
        assert read(cookies, pairs).cookie == name
    for name in ("authjs.session-token", "__Secure-authjs.session-token", "__Host-authjs.session-token"):
        pairs += CookieForge("authjs", name=name).pairs()
        assert read(cookies, pairs).cookie == name


@pytest.mark.parametrize("format", FORMATS)
def test_times(format: str, cookies: SessionCookies) -> None:
    forge = CookieForge(format)
    assert read(cookies, forge.pairs(forge.value(exp=NOW - 29)))
    assert read(cookies, forge.pairs(forge.value(iat=NOW + 30, nbf=NOW + 30)))
    assert read(cookies, forge.pairs(forge.value(iat=...))).issued_at == 0


@pytest.mark.parametrize(
    ("changes", "token"),
    [
        ({"access_token": ...}, None),
        ({"access_token": ""}, None),
        ({"access_token": None}, None),
        ({"access_token": ..., "accessToken": "d.e.f"}, "d.e.f"),
        ({"accessToken": "d.e.f"}, "a.b.c"),
        ({"access_token": ..., "id_token": "d.e.f", "token": "d.e.f"}, None),
    ],
)
def test_where_the_access_token_sits(changes: dict[str, object], token: str | None, cookies: SessionCookies) -> None:
    forge = CookieForge("authjs")
    assert read(cookies, forge.pairs(forge.value(**changes))).access_token == token


def test_another_claim_for_the_access_token() -> None:
    cookies = SessionCookies([SECRET], secure=True, access_token_claims=["auth0"])
    forge = CookieForge("authjs")
    assert read(cookies, forge.pairs(forge.value(auth0="d.e.f"))).access_token == "d.e.f"


def test_no_session() -> None:
    cookies = SessionCookies([SECRET], secure=False)
    for header in (
        b"",
        b"theme=dark",
        b"authjs.callback-url=x; __Host-authjs.csrf-token=y",
        b"xauthjs.session-token=a",
    ):
        assert cookies.read(parse_cookies(header), NOW) is None


def test_a_session_in_the_cache_ends_when_it_expires(cookies: SessionCookies) -> None:
    forge = CookieForge("authjs")
    pairs = forge.pairs(forge.value(exp=NOW + 10))
    assert read(cookies, pairs) is read(cookies, pairs, NOW + 39)
    with pytest.raises(Exception, match="sign in again"):
        cookies.read(pairs, NOW + 40)


def test_the_cache_is_bounded_and_the_one_not_asked_for_the_longest_goes_first() -> None:
    cookies = SessionCookies([SECRET], secure=True, capacity=3)
    forge = CookieForge("nextauth")
    requests = [forge.pairs(forge.value(jti=str(number))) for number in range(4)]
    first, *_ = [read(cookies, pairs) for pairs in requests[:3]]
    assert read(cookies, requests[0]) is first
    read(cookies, requests[3])
    assert read(cookies, requests[0]) is first
    assert len(cookies._open) == 3


@pytest.mark.parametrize("secure", [True, False])
@pytest.mark.parametrize("size", [10, 3_000, 8_000])
def test_what_is_written_is_read(secure: bool, size: int) -> None:
    cookies = SessionCookies([SECRET, OTHER_SECRET], secure=secure)
    content = {"sub": "x", "access_token": "t" * size, "name": "Zoë", "iat": 1, "exp": 2, "jti": "mine"}
    written = cookies.write(content, now=NOW + 0.7, max_age_s=600)
    session = read(cookies, sent_back(written))
    assert session.cookie == ("__Secure-" if secure else "") + "authjs.session-token"
    assert session.access_token == "t" * size
    assert session.claims["name"] == "Zoë"
    assert (session.issued_at, session.expires_at) == (NOW, NOW + 600)
    assert session.claims["jti"] != "mine"
    assert len(written) == {10: 1, 3_000: 2, 8_000: 3}[size]
    for cookie in written:
        assert len(cookie) < 4_096
        assert cookie.partition("; ")[2] == "Path=/; Max-Age=600; HttpOnly; SameSite=Lax" + "; Secure" * secure


def test_two_sessions_never_look_alike(cookies: SessionCookies) -> None:
    one, other = (cookies.write({"sub": "x"}, now=NOW, max_age_s=600)[0] for _ in range(2))
    assert one.split(".")[3] != other.split(".")[3]


def test_what_is_left_of_another_session_is_deleted(cookies: SessionCookies) -> None:
    """From three chunks to one, and from v4 to v5; foreign cookies stay, and a name cannot break out of its line."""
    name = NAMES["authjs"]
    present = ["theme", f"{name}.0", f"{name}.1", f"{name}.2", f"{name}.2", "next-auth.session-token", name]
    written = cookies.write({"sub": "x"}, now=NOW, max_age_s=60, present=[*present, f"{name}.1\r\nx: y", f"{name}.x"])
    gone = [cookie.partition("=")[0] for cookie in written if "Max-Age=0" in cookie]
    assert gone == [f"{name}.0", f"{name}.1", f"{name}.2", "next-auth.session-token"]
    assert [name for name, _ in sent_back(written)] == [name]
    assert all(cookie.endswith("=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure") for cookie in written[:-1])
    large = cookies.write({"sub": "x" * 4_000}, now=NOW, max_age_s=60, present=[name, f"{name}.0", f"{name}.1"])
    assert [cookie.partition("=")[0] for cookie in large] == [name, f"{name}.0", f"{name}.1"]
    assert "Max-Age=0" in large[0]


def test_clear(cookies: SessionCookies) -> None:
    assert cookies.clear([]) == []
    assert cookies.clear(["theme"]) == []
    assert len(cookies.clear([NAMES["authjs"], f"{NAMES['nextauth']}.0", "authjs.session-token"])) == 3
    plain = SessionCookies([SECRET], secure=False).clear(["authjs.session-token", NAMES["authjs"]])
    assert [cookie.endswith("; Secure") for cookie in plain] == [False, True]


@pytest.mark.parametrize("content", [{"sub": "x" * 9_000}, {"x": float("nan")}])
def test_what_could_not_be_read_again_is_not_written(content: dict[str, object], cookies: SessionCookies) -> None:
    with pytest.raises(ValueError, match=r"larger than|not JSON"):
        cookies.write(content, now=NOW, max_age_s=60)


@pytest.mark.parametrize("secrets", [[], [""], [SECRET, ""]])
def test_no_secret_no_sessions(secrets: list[str]) -> None:
    with pytest.raises(ConfigurationError, match="AUTH_SECRET"):
        SessionCookies(secrets, secure=True)


def test_the_header_and_payload_are_those_of_auth_js(cookies: SessionCookies) -> None:
    """Member for member, so that jose in the front end finds what it looks for."""
    forge = CookieForge("authjs")
    (_, value), *_ = sent_back(cookies.write({"sub": "x"}, now=NOW, max_age_s=60))
    header = json.loads(base64.urlsafe_b64decode(value.split(".")[0] + "=="))
    assert header == forge.header()
    assert to_json(header) == to_json({"alg": "dir", "enc": "A256CBC-HS512", "kid": header["kid"]})


@pytest.mark.parametrize(("size", "budget_s"), [(1_000, 20e-6), (4_000, 50e-6)])
def test_a_session_in_the_cache_is_quick_to_find(size: int, budget_s: float, cookies: SessionCookies) -> None:
    """Header to session: 5 µs at 1.5 kB, 12 µs at 5 kB, at the best of many rounds; four times that is allowed here."""
    pairs = sent_back(cookies.write({"access_token": "t" * size}, now=NOW, max_age_s=600))
    header = "; ".join(f"{name}={value}" for name, value in [("theme", "dark"), *pairs]).encode()
    cookies.read(parse_cookies(header), NOW)
    rounds = []
    for _ in range(50):
        start = time.perf_counter()
        for _ in range(100):
            cookies.read(parse_cookies(header), NOW)
        rounds.append((time.perf_counter() - start) / 100)
    assert min(rounds) < budget_s
