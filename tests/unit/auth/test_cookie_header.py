"""The Cookie header, as browsers and everybody else send it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clarivum.auth.cookies import SessionCookies, SessionRefusedError, parse_cookies
from clarivum.auth.cookies.chunks import MAX_CHARACTERS, split
from clarivum.auth.cookies.header import set_cookie
from tests.unit.auth.cookie_forge import NAMES, SECRET
from tests.unit.auth.forge import NOW

COOKIES = SessionCookies([SECRET], secure=False)
NAME = st.text("abcXYZ019!#$%&'*+-.^_`|~", min_size=1, max_size=20)
VALUE = st.text("abcXYZ019=!#$%&'()*+-./:<>?@[]^_`{|}~,", max_size=40)


@pytest.mark.parametrize(
    ("header", "cookies"),
    [
        (b"", []),
        (b"a=b", [("a", "b")]),
        (b"a=b; c=d", [("a", "b"), ("c", "d")]),
        (b"a=b;c=d ;\te=f", [("a", "b"), ("c", "d"), ("e", "f")]),
        (b"a=b; a=c", [("a", "b"), ("a", "c")]),
        (b"a=b=c==", [("a", "b=c==")]),
        (b"a=", [("a", "")]),
        (b"a = b", [("a", "b")]),
        (b'a="b c"', [("a", "b c")]),
        (b'a="', [("a", '"')]),
        (b'a=""', [("a", "")]),
        (b'a="b', [("a", '"b')]),
        (b"a", []),
        (b"=b", []),
        (b";; ;a=b;", [("a", "b")]),
        (b"a=%41", [("a", "%41")]),
        (b"a=\xe4", [("a", "ä")]),
        (b"A=b; a=c", [("A", "b"), ("a", "c")]),
        (b"$Version=1; a=b", [("$Version", "1"), ("a", "b")]),
        (b"a=b, c=d", [("a", "b, c=d")]),
    ],
)
def test_read(header: bytes, cookies: list[tuple[str, str]]) -> None:
    assert parse_cookies(header) == cookies


@given(st.lists(st.tuples(NAME, VALUE), max_size=8))
def test_what_a_browser_sends_is_what_was_set(cookies: list[tuple[str, str]]) -> None:
    header = "; ".join(f"{name}={value}" for name, value in cookies)
    assert parse_cookies(header.encode("ascii")) == cookies


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_failing(header: bytes) -> None:
    for name, value in parse_cookies(header):
        assert name
        assert name == name.strip(" \t")
        assert ";" not in name + value


@given(st.lists(st.tuples(st.sampled_from([f"{NAMES['authjs']}{end}" for end in ("", ".0", ".1", ".00")]), st.text())))
def test_any_session_cookies_are_refused_or_none(pairs: list[tuple[str, str]]) -> None:
    """Whatever is in them: the only failure is the refusal."""
    if not pairs:
        assert COOKIES.read(pairs, NOW) is None
        return
    with pytest.raises(SessionRefusedError):
        COOKIES.read(pairs, NOW)


@given(st.integers(0, MAX_CHARACTERS))
def test_chunks_put_together_are_what_was_cut(size: int) -> None:
    value = ("0123456789" * (size // 10 + 1))[:size]
    chunks = split("n", value)
    assert "".join(part for _, part in chunks) == value
    assert all(len(part) <= 3_936 for _, part in chunks)
    if size > 3_936:
        assert [name for name, _ in chunks] == [f"n.{number}" for number in range(-(-size // 3_936))]
    else:
        assert chunks == [("n", value)]


def test_set_cookie() -> None:
    assert set_cookie("a", "b", max_age_s=None, secure=False, http_only=False) == "a=b; Path=/; SameSite=Lax"
    assert set_cookie("a", "b", max_age_s=9, secure=True) == "a=b; Path=/; Max-Age=9; HttpOnly; SameSite=Lax; Secure"
