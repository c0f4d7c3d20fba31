"""Whatever a caller sends, the answer is a principal or a RequestError; nothing else ever comes out."""

import asyncio
import base64
import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clarivum.auth import TokenRefusedError, TokenVerifier, bearer_token
from clarivum.auth.strict_json import parse_object
from clarivum.errors import RequestError
from tests.unit.auth.forge import SETTINGS, Endpoint, Forge, TurnedClock, b64, claims, header, to_json

SHARED_FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)

any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
registered = st.sampled_from(["iss", "sub", "aud", "exp", "nbf", "iat", "scope", "permissions", "gty", "email"])
header_names = st.sampled_from(["alg", "typ", "kid", "crit", "b64", "jwk", "jku", "x5c", "cty", "zip"])


def verdict(forge: Forge, token: str) -> str:
    """`accepted` or the reason of the refusal. Any other exception fails the test."""
    verifier = TokenVerifier(SETTINGS, TurnedClock(), Endpoint(forge.key_set()))

    async def verify() -> str:
        try:
            await verifier.verify(token)
        except TokenRefusedError as refused:
            return refused.reason.value
        return "accepted"

    return asyncio.run(verify())


@SHARED_FIXTURE
@given(data=st.binary(max_size=300))
def test_any_bytes_in_the_header(data: bytes, forge: Forge) -> None:
    try:
        token = bearer_token([(b"authorization", b"Bearer " + data)])
    except RequestError:
        return
    assert token is None or verdict(forge, token) != "accepted"


@SHARED_FIXTURE
@given(text=st.text(max_size=200) | st.from_regex(r"[\w-]*\.[\w-]*\.[\w-]*", fullmatch=True))
def test_any_text_as_token(text: str, forge: Forge) -> None:
    assert verdict(forge, text) != "accepted"


@SHARED_FIXTURE
@given(head=st.binary(max_size=200), payload=st.binary(max_size=200))
def test_any_bytes_signed_by_the_issuer(head: bytes, payload: bytes, forge: Forge) -> None:
    assert verdict(forge, forge.raw(head, payload)) not in ("accepted", "unexpected")


@SHARED_FIXTURE
@given(changes=st.dictionaries(registered | st.text(max_size=10), any_json, max_size=4))
def test_any_claims_signed_by_the_issuer(changes: dict[str, Any], forge: Forge) -> None:
    """No claim of any type makes the verifier stumble: each is judged by a rule."""
    text = json.dumps({**claims(), **changes}, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert verdict(forge, forge.raw(to_json(header()), text)) not in ("unexpected", "signature")


@SHARED_FIXTURE
@given(changes=st.dictionaries(header_names | st.text(max_size=10), any_json, max_size=4))
def test_any_header_signed_by_the_issuer(changes: dict[str, Any], forge: Forge) -> None:
    text = json.dumps({**header(), **changes}).encode()
    assert verdict(forge, forge.raw(text, to_json(claims()))) != "unexpected"


@SHARED_FIXTURE
@given(position=st.integers(min_value=0), replacement=st.characters())
def test_one_character_changed(position: int, replacement: str, forge: Forge) -> None:
    """No other text than the token's own is accepted for it."""
    token = forge.token()
    position %= len(token)
    changed = token[:position] + replacement + token[position + 1 :]
    assert verdict(forge, changed) != "accepted" or changed == token


@SHARED_FIXTURE
@given(cut=st.integers(min_value=0), inserted=st.text(max_size=3))
def test_cut_or_lengthened(cut: int, inserted: str, forge: Forge) -> None:
    token = forge.token()
    cut %= len(token)
    for changed in (token[:cut], token[cut:], token[:cut] + inserted + token[cut:]):
        assert verdict(forge, changed) != "accepted" or changed == token


@settings(max_examples=200)
@given(value=st.dictionaries(st.text(max_size=8), any_json, max_size=5))
def test_strict_json_reads_what_any_parser_reads(value: dict[str, Any]) -> None:
    """Where it does read a document, it reads what the standard library does; else it raises ValueError."""
    raw = json.dumps(value).encode()
    try:
        strict = parse_object(raw)
    except ValueError:
        return
    assert strict == json.loads(raw)


@settings(max_examples=200)
@given(raw=st.binary(max_size=200))
def test_strict_json_raises_nothing_but_value_errors(raw: bytes) -> None:
    try:
        parse_object(raw)
    except ValueError:
        return


def test_the_helper_encodes_as_the_standard_says() -> None:
    assert b64(b"\xfb\xff") == base64.urlsafe_b64encode(b"\xfb\xff").decode().rstrip("=")
