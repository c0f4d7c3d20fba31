"""Why a session was not accepted: the caller learns that it was refused, the log and the metrics learn why."""

from enum import StrEnum

from clarivum.errors import INVALID_SESSION, RequestError

REFUSED = "The session was not accepted; sign in again."


class SessionReason(StrEnum):
    """The kinds of refusal; the values are a metric attribute, so there are few of them and none holds input."""

    AMBIGUOUS = "ambiguous"
    CHUNKS = "chunks"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"
    HEADER = "header"
    SEAL = "seal"
    CLAIMS = "claims"
    EXPIRED = "expired"
    NOT_YET_VALID = "not_yet_valid"
    ACCESS_TOKEN = "access_token"  # noqa: S105
    REVOKED = "revoked"


class SessionRefusedError(RequestError):
    """401 `invalid_session`. `detail` is the same whatever is wrong with the cookie; `log` says which rule it broke.

    A session that was opened and lacks a usable access token may say so in `detail`: only its holder can bring it
    about. `why` must not repeat what the cookie says.
    """

    default = INVALID_SESSION

    def __init__(self, reason: SessionReason, why: str, *, detail: str = REFUSED) -> None:
        super().__init__(detail, log=f"{reason}: {why}")
        self.reason = reason
