"""The shape of a token: JWS compact serialisation (RFC 7515 section 3.1), read strictly and only once.

The very bytes parsed here are what the signature is checked over and what the claims are read from, so there is no
second parser to disagree with. Nothing in the header can add a key, name a place to fetch one, or change how the
payload is read.
"""

import base64
import re
from dataclasses import dataclass
from typing import Any

from clarivum.auth.policy import ACCEPTED_TYPES, KEY_ID_SHAPE
from clarivum.auth.refusal import Reason, TokenRefusedError
from clarivum.auth.strict_json import parse_object

_COMPACT = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+")
# What a last character may be when its low bits are padding: RFC 4648 section 3.5 wants them zero.
_CANONICAL_ENDING = {0: None, 2: "AQgw", 3: "AEIMQUYcgkosw048"}
# `crit`, `b64`, `cty`, `zip`, `enc` change how a token is read; the others bring a key along or name where to fetch it.
_REFUSED_MEMBERS = frozenset({"crit", "b64", "cty", "zip", "enc", "jwk", "jku", "x5u", "x5c"})
_ENCRYPTED_PARTS = 5


@dataclass(frozen=True, slots=True)
class CompactToken:
    """A well-shaped token of which nothing is verified yet."""

    algorithm: str
    key_id: str
    signing_input: bytes
    payload: bytes
    signature: bytes


def read_compact(token: str, *, audience: str) -> CompactToken:
    """Split and decode a token, whose length the caller has bounded.

    `audience` is what to tell a caller who sent an opaque token to ask for.

    Raises TokenRefusedError.
    """
    if not _COMPACT.fullmatch(token):
        raise _shapeless(token, audience)
    header_part, payload_part, signature_part = token.split(".")
    header = _header(decode_part(header_part))
    return CompactToken(
        algorithm=header["alg"],
        key_id=header["kid"],
        signing_input=token[: len(header_part) + 1 + len(payload_part)].encode("ascii"),
        payload=decode_part(payload_part),
        signature=decode_part(signature_part),
    )


def decode_part(part: str) -> bytes:
    """Base64url without padding, canonical. `part` must already hold only characters of that alphabet."""
    remainder = len(part) % 4
    ending = _CANONICAL_ENDING.get(remainder, "")
    if ending is not None and part[-1] not in ending:
        raise TokenRefusedError(Reason.MALFORMED, "a part is not canonical base64url")
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def read_claims(payload: bytes) -> dict[str, Any]:
    """The claims set. Raises TokenRefusedError when the payload is not one strict JSON object."""
    try:
        return parse_object(payload)
    except ValueError as error:
        raise TokenRefusedError(Reason.MALFORMED, f"claims: {_kind(error)}") from None


def _header(raw: bytes) -> dict[str, Any]:
    try:
        header = parse_object(raw)
    except ValueError as error:
        raise TokenRefusedError(Reason.MALFORMED, f"header: {_kind(error)}") from None
    refused = _REFUSED_MEMBERS & header.keys()
    if refused:
        raise TokenRefusedError(Reason.HEADER, f"carries {', '.join(sorted(refused))}")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind not in ACCEPTED_TYPES:
        raise TokenRefusedError(Reason.TYPE, "typ is none of the accepted ones")
    if not isinstance(header.get("alg"), str):
        raise TokenRefusedError(Reason.HEADER, "alg is missing or no string")
    key_id = header.get("kid")
    if not isinstance(key_id, str) or not KEY_ID_SHAPE.fullmatch(key_id):
        raise TokenRefusedError(Reason.HEADER, "kid is missing or of an unsafe shape")
    return header


def _shapeless(token: str, audience: str) -> TokenRefusedError:
    parts = token.split(".")
    opaque = len(parts) == 1 or (len(parts) == _ENCRYPTED_PARTS and parts[1] == "")
    if opaque and re.fullmatch(r"[A-Za-z0-9._~+/=-]{8,}", token):
        return TokenRefusedError(
            Reason.OPAQUE,
            "not a JWT",
            detail=f"The token is opaque, not a JWT: no audience was asked for. Request it with audience={audience}.",
        )
    return TokenRefusedError(Reason.MALFORMED, "not three parts of base64url")


def _kind(error: ValueError) -> str:
    """What was wrong, without the text around it."""
    return "not UTF-8, or a lone surrogate" if isinstance(error, UnicodeError) else str(error)
