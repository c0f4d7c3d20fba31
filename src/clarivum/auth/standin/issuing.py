"""What the stand-in issues: access tokens with the claims and the names that Auth0 gives them."""

import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.roles import ROLES, STAFF_ROLES
from clarivum.auth.standin.key_file import load_or_create_key
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import ConfigurationError, UsageError
from clarivum.settings import Environment, Settings

DEVELOPMENT_GRANT = "urn:clarivum:development"
DEFAULT_LIFETIME_S = 86_400  # Auth0's default for an API
MAX_LIFETIME_S = 2_592_000  # Auth0's maximum: 30 days
ID_TOKEN_LIFETIME_S = 36_000
KEY_FILE = "identity-key.pem"


class StandIn:
    """An issuer for development. Opening it makes the key file in the data folder if there is none."""

    def __init__(self, settings: Settings, data: Path, clock: Clock = SYSTEM_CLOCK) -> None:
        """Raises ConfigurationError in production, where AUTH0_DOMAIN is set, and unless its URL is on loopback."""
        if settings.environment is Environment.PRODUCTION:
            raise ConfigurationError("CLARIVUM_ENVIRONMENT is production: the identity stand-in does not run there")
        if not settings.uses_stand_in:
            raise ConfigurationError("AUTH0_DOMAIN is set: its tenant issues the tokens, so the stand-in does not run")
        parts = urlsplit(settings.identity_url)
        if parts.scheme != "http" or parts.hostname not in LOOPBACK_HOSTS or parts.path != "/" or parts.query:
            raise ConfigurationError(
                "CLARIVUM_IDENTITY_URL: the stand-in listens on loopback only, for example http://127.0.0.1:8001/"
            )
        self.issuer = settings.identity_url
        self.host = parts.hostname
        self.port = parts.port if parts.port is not None else 80
        self.audience = settings.auth0_audience
        self._roles_claim = settings.roles_claim
        self._amr_claim = settings.amr_claim
        self.clock = clock
        self._key: RSAKey = load_or_create_key(data / KEY_FILE)

    def issue(
        self,
        sub: str,
        roles: Iterable[str] = (),
        email: str | None = None,
        expires_in_s: int = DEFAULT_LIFETIME_S,
        *,
        scopes: Iterable[str] = (),
        mfa: bool | None = None,
    ) -> str:
        """An access token for a person. Whether with a second factor: as `mfa` says, else for staff roles.

        `email` counts as verified. Raises UsageError for an unknown role, an empty subject, a lifetime out of range.
        """
        roles = list(roles)
        for role in roles:
            if role not in ROLES:
                raise UsageError(f"there is no role {role!r}: choose from {', '.join(ROLES)}")
        second_factor = bool(STAFF_ROLES.intersection(roles)) if mfa is None else mfa
        claims: dict[str, Any] = {
            self._roles_claim: roles,
            self._amr_claim: ["pwd", "mfa"] if second_factor else ["pwd"],
        }
        if email is not None:
            claim = f"{self._roles_claim.rpartition('/')[0]}/email"
            claims |= {claim: email, f"{claim}_verified": True}
        return self._sign(sub, "clarivum-development", claims, scopes, expires_in_s)

    def issue_to_machine(
        self,
        client_id: str,
        expires_in_s: int = DEFAULT_LIFETIME_S,
        *,
        scopes: Iterable[str] = (),
        roles: Iterable[str] = (),
    ) -> str:
        """An access token as the client-credentials grant gives it; with roles where an action of the tenant adds them.

        Raises UsageError as `issue` does.
        """
        claims: dict[str, Any] = {"gty": "client-credentials"}
        if granted := list(roles):
            claims[self._roles_claim] = granted
        return self._sign(f"{client_id}@clients", client_id, claims, scopes, expires_in_s)

    def issue_id_token(self, sub: str, client_id: str, nonce: str, *, name: str, email: str | None, mfa: bool) -> str:
        """An ID token for a client, as the authorization code grant gives it. Raises UsageError as `issue` does."""
        claims: dict[str, Any] = {"nonce": nonce, "name": name, "amr": ["pwd", "mfa"] if mfa else ["pwd"]}
        if email is not None:
            claims |= {"email": email, "email_verified": True}
        return self._sign(sub, client_id, claims, (), ID_TOKEN_LIFETIME_S, audience=client_id)

    def key_set(self) -> dict[str, Any]:
        """The public half, as /.well-known/jwks.json publishes it."""
        return {"keys": [{**self._key.as_dict(private=False), "key_ops": ["verify"]}]}

    def _sign(
        self,
        sub: str,
        client_id: str,
        claims: dict[str, Any],
        scopes: Iterable[str],
        expires_in_s: int,
        *,
        audience: str | None = None,
    ) -> str:
        if not sub or len(sub) > 255 or not sub.isprintable():
            raise UsageError("a subject is 1 to 255 printable characters, for example auth0|alice")
        if not 1 <= expires_in_s <= MAX_LIFETIME_S:
            raise UsageError(f"a token lives for 1 to {MAX_LIFETIME_S} seconds")
        now = int(self.clock.now().timestamp())
        standard: dict[str, Any] = {
            "iss": self.issuer,
            "sub": sub,
            "aud": audience or self.audience,
            "iat": now,
            "exp": now + expires_in_s,
            "jti": secrets.token_urlsafe(16),
            "azp": client_id,
        }
        scope = " ".join(scopes)
        if scope:
            standard["scope"] = scope
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": self._key.kid}, {**claims, **standard}, self._key)
