"""A login of our own: the OpenID Connect client behind /auth/login, and what it keeps while the browser is away."""

from clarivum.auth.oidc.attempt import LoginAttempt, open_attempt, seal_attempt
from clarivum.auth.oidc.client import OpenIdClient, Registration
from clarivum.auth.oidc.id_token import IdTokenRefusedError, check_id_token
from clarivum.auth.oidc.return_to import own_path
from clarivum.auth.oidc.tokens import GrantRefusedError, TokenSet

__all__ = [
    "GrantRefusedError",
    "IdTokenRefusedError",
    "LoginAttempt",
    "OpenIdClient",
    "Registration",
    "TokenSet",
    "check_id_token",
    "open_attempt",
    "own_path",
    "seal_attempt",
]
