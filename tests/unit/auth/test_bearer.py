"""The Authorization header."""

import pytest

from clarivum.auth import ANONYMOUS_PRINCIPAL, TokenRefusedError, TokenVerifier, bearer_token
from clarivum.errors import CONFLICTING_CREDENTIALS, INVALID_TOKEN, RequestError
from tests.unit.auth.forge import Endpoint, Forge


def sent(*values: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"host", b"api"), *((b"authorization", value) for value in values), (b"accept", b"*/*")]


@pytest.mark.parametrize("scheme", [b"Bearer", b"bearer", b"BEARER", b"bEaReR"])
@pytest.mark.parametrize("spaces", [b" ", b"   "])
def test_the_scheme_in_any_case(scheme: bytes, spaces: bytes) -> None:
    assert bearer_token(sent(scheme + spaces + b"a.b.c")) == "a.b.c"


@pytest.mark.parametrize("value", [b"", b"Basic dXNlcjpwYXNz", b"DPoP a.b.c", b"a.b.c", b"Bearera.b.c", b"Token x"])
def test_another_scheme_is_no_bearer_token(value: bytes) -> None:
    assert bearer_token(sent(value)) is None


def test_no_header() -> None:
    assert bearer_token(sent()) is None
    assert bearer_token([(b"x-authorization", b"Bearer a.b.c"), (b"cookie", b"access_token=a.b.c")]) is None


@pytest.mark.parametrize("value", [b"Bearer", b"Bearer ", b"bearer    "])
def test_the_scheme_without_a_token(value: bytes) -> None:
    with pytest.raises(TokenRefusedError) as refused:
        bearer_token(sent(value))
    assert refused.value.code is INVALID_TOKEN


@pytest.mark.parametrize("second", [b"Bearer a.b.c", b"Basic x", b"", b"Bearer"])
def test_two_headers_contradict_each_other(second: bytes) -> None:
    """Also when they say the same: a proxy and the API behind it might each believe another one."""
    for values in ((b"Bearer a.b.c", second), (second, b"Bearer a.b.c")):
        with pytest.raises(RequestError) as refused:
            bearer_token(sent(*values))
        assert refused.value.code is CONFLICTING_CREDENTIALS
        assert refused.value.code.status == 400


@pytest.mark.parametrize("value", [b"Bearer \xff\xfe", b"Bearer a b", b"Bearer a.b.c, Bearer d.e.f", b"Bearer \t"])
async def test_a_token_of_odd_bytes_is_refused(value: bytes, verifier: TokenVerifier) -> None:
    with pytest.raises(TokenRefusedError):
        await verifier.authenticate(sent(value))


async def test_authenticate(forge: Forge, verifier: TokenVerifier, endpoint: Endpoint) -> None:
    assert await verifier.authenticate(sent()) is ANONYMOUS_PRINCIPAL
    assert await verifier.authenticate(sent(b"Basic eA==")) is ANONYMOUS_PRINCIPAL
    assert endpoint.fetches == 0
    token = forge.token().encode()
    first = await verifier.authenticate(sent(b"Bearer " + token))
    assert first.subject == "auth0|alice"
    assert await verifier.authenticate(sent(b"bearer " + token)) is first
