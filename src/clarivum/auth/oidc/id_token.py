"""What an ID token must say (OpenID Connect Core 1.0, section 3.1.3.7). Pure: the time is an argument.

Its signature was checked before, by the same keys and policy as an access token's.
"""

from collections.abc import Mapping
from typing import Any

from authlib.oidc.core import CodeIDToken

from clarivum.auth.policy import CLOCK_SKEW_S

MAX_AGE_S = 600


class IdTokenRefusedError(ValueError):
    """An ID token that does not belong to this login; the message names the rule and repeats nothing of the token."""


def check_id_token(
    claims: Mapping[str, Any],
    *,
    issuer: str,
    client_id: str,
    nonce: str,
    algorithm: str,
    access_token: str,
    now: float,
) -> str:
    """The subject of an ID token that was made for this login of this client, at most ten minutes ago.

    `iss` exact, `aud` names the client (and `azp` the client, when there are several), `nonce` is the attempt's,
    `at_hash` fits the access token when it is there. Raises IdTokenRefusedError.
    """
    if claims.get("nonce") != nonce:
        raise IdTokenRefusedError("nonce is not the one of this login")
    audience = claims.get("aud")
    if audience != client_id and not (isinstance(audience, list) and client_id in audience):
        raise IdTokenRefusedError("aud does not name this client")
    if isinstance(audience, list) and len(audience) > 1 and claims.get("azp") != client_id:
        raise IdTokenRefusedError("aud names several clients, and azp is not this one")
    params = {"client_id": client_id, "nonce": nonce, "access_token": access_token}
    options = {"iss": {"essential": True, "value": issuer}, "sub": {"essential": True}}
    token = CodeIDToken(dict(claims), {"alg": algorithm}, options, params)
    try:
        token.validate(now=int(now), leeway=CLOCK_SKEW_S)
        age_s = now - claims["iat"]
    except Exception as error:  # Authlib and joserfc raise their own types, and others for claims of a wrong type
        raise IdTokenRefusedError(f"{type(error).__name__}: {getattr(error, 'claim', 'claims')}") from None
    if not -CLOCK_SKEW_S <= age_s <= MAX_AGE_S:
        raise IdTokenRefusedError("iat is too far from now")
    subject = claims["sub"]
    if not isinstance(subject, str):
        raise IdTokenRefusedError("sub is no string")
    return subject
