"""At most so many refused tokens and sessions from one address: then 429, before another one is verified.

Nothing is counted, and next to nothing looked up, for credentials that are good. A token that was verified before is
known without asking here, so an address that is shut keeps those who are signed in; only what has to be verified waits.
"""

import math
from time import monotonic

from clarivum.api.access import Rate
from clarivum.api.http.peer import Peers, rate_key
from clarivum.api.rates.limiter import Allowance, RateLimiter, rate_head
from clarivum.api.request import Headers
from clarivum.api.response import Scope
from clarivum.errors import RATE_LIMITED, RequestError

RATE = Rate.parse("600/minute")
"""Per address: behind one there may be a whole office, whose pages all ask again with sessions that have expired."""
ROUTE = "refused credentials"
SHUT_S = 1.0
"""How long nothing is verified for an address that has used up its rate."""
MAX_SHUT = 20_000
REFUSED_STATUS = 401


class RefusedCredentials:
    """The addresses of one process; the limiter shares its counts with the others. Without one nothing is shut."""

    def __init__(self, limiter: RateLimiter | None, peers: Peers) -> None:
        self._limiter = limiter
        self._peers = peers
        self._shut_until: dict[str, float] = {}

    def require_open(self, scope: Scope, headers: Headers, standing: list[bytes]) -> None:
        """Raises the 429 for an address that is shut; `standing` then gets the header lines of the rate."""
        if self._shut_until:
            self._require_open(self._caller(scope, headers), standing)

    async def count(self, error: RequestError, scope: Scope, headers: Headers) -> None:
        """Count an error that refuses credentials; the address is shut when it was the last of its rate."""
        limiter = self._limiter
        if limiter is None or error.code.status != REFUSED_STATUS:
            return
        caller = self._caller(scope, headers)
        allowance = limiter.take(caller, monotonic()) or await limiter.settle(caller)
        if allowance.remaining == 0:
            if len(self._shut_until) >= MAX_SHUT:
                del self._shut_until[next(iter(self._shut_until))]
            self._shut_until[caller] = monotonic() + SHUT_S

    def _require_open(self, caller: str, standing: list[bytes]) -> None:
        until = self._shut_until.get(caller)
        if until is None or self._limiter is None:
            return
        left_s = until - monotonic()
        if left_s <= 0:
            del self._shut_until[caller]
            return
        rate, retry_after_s = self._limiter.rate, math.ceil(left_s)
        standing.append(rate_head(rate, Allowance(False, 0, retry_after_s)))
        raise RequestError(
            f"Credentials from this address were refused more than {rate.limit} times in {rate.window_s} s.",
            code=RATE_LIMITED,
            retry_after_s=retry_after_s,
        )

    def _caller(self, scope: Scope, headers: Headers) -> str:
        return rate_key(self._peers.address(scope.get("client"), headers.get(b"x-forwarded-for")))
