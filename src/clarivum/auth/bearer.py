"""The Authorization header (RFC 6750 section 2.1): the only place a token is taken from."""

from collections.abc import Iterable

from clarivum.auth.refusal import Reason, TokenRefusedError
from clarivum.errors import CONFLICTING_CREDENTIALS, RequestError


def bearer_token(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The bearer token of a request; None when there is none, also when another scheme is used.

    `headers` are ASGI's: names in lower case. Raises RequestError `conflicting_credentials` (400) for more than one
    Authorization header, TokenRefusedError (401) for the scheme without a token.
    """
    found = None
    for name, value in headers:
        if name == b"authorization":
            if found is not None:
                raise RequestError("The request has more than one Authorization header.", code=CONFLICTING_CREDENTIALS)
            found = value
    if found is None:
        return None
    scheme, _, rest = found.partition(b" ")
    if scheme.lower() != b"bearer":
        return None
    token = rest.strip(b" ")
    if not token:
        raise TokenRefusedError(Reason.MALFORMED, "Bearer without a token")
    return token.decode("latin-1")
