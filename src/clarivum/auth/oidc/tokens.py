"""What the token endpoint answers (RFC 6749, sections 5.1 and 5.2), read strictly. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from clarivum.auth.oidc.exchange import Answer
from clarivum.auth.policy import MAX_TOKEN_BYTES

MAX_REFRESH_TOKEN_CHARACTERS = 2_048


class GrantRefusedError(Exception):
    """The issuer does not take the code or the refresh token: `invalid_grant`. Asking again does not help."""


class GrantFailedError(Exception):
    """No tokens, for a reason that is not the caller's: the issuer, or our registration with it."""


@dataclass(frozen=True, slots=True)
class TokenSet:
    """The tokens of one person. `id_token` comes with a login, and with some refreshes."""

    access_token: str
    refresh_token: str | None
    id_token: str | None


def read_tokens(answer: Answer) -> TokenSet:
    """Raises GrantRefusedError or GrantFailedError, whose messages hold the issuer's error code and nothing else."""
    content = answer.content
    if answer.status != 200:
        code = content.get("error")
        if code == "invalid_grant":
            raise GrantRefusedError("invalid_grant")
        shown = code if isinstance(code, str) and code.isascii() and code.replace("_", "").isalnum() else "no code"
        raise GrantFailedError(f"status {answer.status}, {shown[:40]}")
    kind = content.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise GrantFailedError("token_type is not Bearer")
    access_token = _text(content, "access_token", MAX_TOKEN_BYTES)
    if access_token is None:
        raise GrantFailedError("access_token is missing")
    return TokenSet(
        access_token,
        _text(content, "refresh_token", MAX_REFRESH_TOKEN_CHARACTERS),
        _text(content, "id_token", MAX_TOKEN_BYTES),
    )


def _text(content: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = content.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not 0 < len(value) <= limit or not value.isascii() or not value.isprintable():
        raise GrantFailedError(f"{name} is no text of at most {limit} characters")
    return value
