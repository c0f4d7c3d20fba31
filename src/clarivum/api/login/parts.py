"""What the steps of the login share."""

from dataclasses import dataclass

from clarivum.auth import TokenVerifier
from clarivum.auth.cookies import SessionCookies
from clarivum.auth.oidc import OpenIdClient
from clarivum.auth.revocation import Revocations
from clarivum.clock import Clock
from clarivum.database import Database


@dataclass(frozen=True, slots=True)
class Parts:
    """Made once per process, by `login_targets`."""

    client: OpenIdClient
    cookies: SessionCookies
    verifier: TokenVerifier
    revocations: Revocations
    database: Database
    clock: Clock

    def now(self) -> float:
        """Seconds since the epoch."""
        return self.clock.now().timestamp()
