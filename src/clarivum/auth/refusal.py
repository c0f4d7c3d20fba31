"""Why a token was not accepted: the caller learns that it was refused, the log and the metrics learn why."""

from enum import StrEnum

from clarivum.errors import INVALID_TOKEN, RequestError

REFUSED = "The access token was not accepted."


class Reason(StrEnum):
    """The kinds of refusal; the values are a metric attribute, so there are few of them and none holds input."""

    TOO_LARGE = "too_large"
    OPAQUE = "opaque"
    MALFORMED = "malformed"
    HEADER = "header"
    TYPE = "type"
    ALGORITHM = "algorithm"
    UNKNOWN_KEY = "unknown_key"
    SIGNATURE = "signature"
    CLAIMS = "claims"
    ISSUER = "issuer"
    AUDIENCE = "audience"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    REVOKED = "revoked"
    ID_TOKEN = "id_token"  # noqa: S105
    UNEXPECTED = "unexpected"


class TokenRefusedError(RequestError):
    """401 `invalid_token`. `detail` is the same for every reason but an opaque token; `log` says which rule it broke.

    `why` must not repeat what the token says.
    """

    default = INVALID_TOKEN

    def __init__(self, reason: Reason, why: str, *, detail: str = REFUSED) -> None:
        super().__init__(detail, log=f"{reason}: {why}")
        self.reason = reason
