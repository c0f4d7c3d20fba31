"""At most so many requests per caller: a token bucket per caller and route, in this process."""

import math
from typing import NamedTuple

from clarivum.api.access import Rate

MAX_CALLERS = 20_000


class Allowance(NamedTuple):
    """What is left of a caller's rate. `reset_s`: seconds until the bucket is full; when refused, until one is free."""

    granted: bool
    remaining: int
    reset_s: int


class RateLimiter:
    """Buckets of one route, as GCRA keeps them: for each caller only the time at which its bucket will be full.

    At most `max_callers` are remembered; then those whose bucket is full are forgotten, which changes nothing for them,
    and if that frees nothing the one seen first.
    """

    def __init__(self, rate: Rate, max_callers: int = MAX_CALLERS) -> None:
        self.rate = rate
        self._interval_s = rate.window_s / rate.limit
        self._max_callers = max_callers
        self._full_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._full_at)

    def take(self, caller: str, now: float) -> Allowance:
        """Take one from the caller's bucket at `now` (monotonic seconds)."""
        known = self._full_at.get(caller)
        if known is None:
            if len(self._full_at) >= self._max_callers:
                self._forget(now)
            known = now
        full_at = (known if known > now else now) + self._interval_s
        missing_s = full_at - now
        if missing_s > self.rate.window_s + 1e-9:
            return Allowance(False, 0, math.ceil(missing_s - self.rate.window_s - 1e-9) or 1)
        self._full_at[caller] = full_at
        return Allowance(True, int((self.rate.window_s - missing_s) / self._interval_s + 1e-9), math.ceil(missing_s))

    def _forget(self, now: float) -> None:
        for caller in [caller for caller, full_at in self._full_at.items() if full_at <= now]:
            del self._full_at[caller]
        if len(self._full_at) >= self._max_callers:
            del self._full_at[next(iter(self._full_at))]


def rate_head(rate: Rate, allowance: Allowance) -> bytes:
    """Header lines that tell the caller where they stand (draft-ietf-httpapi-ratelimit-headers, as commonly sent)."""
    return b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n" % (
        rate.limit,
        allowance.remaining,
        allowance.reset_s,
    )
