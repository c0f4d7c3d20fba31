"""At most so many requests per caller and route: token buckets in this process, made known to the others afterwards.

A request is decided here, from memory. What was granted is reported to Postgres in the background, many callers in one
statement, and the answer says what the other processes granted (reports.py). Only a caller of whom a whole slice
is unreported waits for a report. So the rate holds across processes but for one slice, a twentieth of the limit and at
least one request, for each process beyond the first; and a caller who stays below a twentieth of the rate costs no
statement at all. When Postgres does not answer, each process goes on with what it knows.
"""

import math
from time import monotonic
from typing import NamedTuple, Protocol

from clarivum.api.access import Rate
from clarivum.api.http.peer import Peers, rate_key
from clarivum.api.request import Headers
from clarivum.api.response import Scope
from clarivum.errors import RATE_LIMITED, RequestError

MAX_CALLERS = 20_000
SLICES = 20
EPSILON = 1e-9


class Allowance(NamedTuple):
    """What is left of a caller's rate. `reset_s`: seconds until the bucket is full; when refused, until one is free."""

    granted: bool
    remaining: int
    reset_s: int


class Bucket:
    """One caller on one route. Times in seconds of the monotonic clock.

    `full_at` is GCRA's only number. `unreported` counts what was granted here and is still to be told, as of
    `counted_at`; `reporting` is on its way.
    """

    __slots__ = ("caller", "counted_at", "full_at", "interval_s", "reporting", "route", "unreported")

    def __init__(self, route: str, caller: str, interval_s: float, now: float) -> None:
        self.route = route
        self.caller = caller
        self.interval_s = interval_s
        self.full_at = now
        self.unreported = 0.0
        self.counted_at = now
        self.reporting = 0.0


class Reports(Protocol):
    """Tells the other processes. `add` begins at once and does not wait; `settled` waits for the report that runs."""

    def answers(self, now: float) -> bool: ...

    def add(self, bucket: Bucket) -> None: ...

    async def settled(self) -> None: ...


class RateLimiter:
    """Buckets of one route. Without `reports` they are this process's own.

    At most `max_callers` are remembered; then those whose bucket is full are forgotten, which changes nothing for them,
    and if that frees nothing the one seen first.
    """

    def __init__(
        self, rate: Rate, max_callers: int = MAX_CALLERS, *, route: str = "", reports: Reports | None = None
    ) -> None:
        self.rate = rate
        self.slice = max(1, rate.limit // SLICES)
        self._route = route
        self._reports = reports
        self._interval_s = rate.window_s / rate.limit
        # What may be unreported before one more is granted, and from where on a report is begun.
        self._most_unreported = self.slice - 1 + EPSILON
        self._reported_from = max(1, self.slice // 2) - 1
        self._forgiven_per_s = self.slice / rate.window_s
        self._max_callers = max_callers
        self._buckets: dict[str, Bucket] = {}

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, caller: str, now: float) -> Allowance | None:
        """Take one from the caller's bucket at `now` (monotonic seconds); None: a report must come back first."""
        bucket = self._buckets.get(caller)
        if bucket is None:
            bucket = self._begin(caller, now)
        full_at = (bucket.full_at if bucket.full_at > now else now) + self._interval_s
        missing_s = full_at - now
        window_s = self.rate.window_s
        if missing_s > window_s + EPSILON:
            return Allowance(False, 0, math.ceil(missing_s - window_s - EPSILON) or 1)
        reports = self._reports
        if reports is not None:
            unreported = bucket.unreported - (now - bucket.counted_at) * self._forgiven_per_s
            unreported = unreported if unreported > 0.0 else 0.0
            bucket.counted_at = now
            if unreported + bucket.reporting > self._most_unreported and reports.answers(now):
                bucket.unreported = unreported
                reports.add(bucket)
                return None
            bucket.unreported = unreported + 1.0
            if unreported >= self._reported_from:
                reports.add(bucket)
        bucket.full_at = full_at
        return Allowance(True, int((window_s - missing_s) / self._interval_s + EPSILON), math.ceil(missing_s))

    async def settle(self, caller: str) -> Allowance:
        """What `take` says when what was granted before is known to all processes, or they cannot be asked."""
        assert self._reports is not None
        while True:
            await self._reports.settled()
            allowance = self.take(caller, monotonic())
            if allowance is not None:
                return allowance

    def _begin(self, caller: str, now: float) -> Bucket:
        if len(self._buckets) >= self._max_callers:
            self._forget(now)
        bucket = self._buckets[caller] = Bucket(self._route, caller, self._interval_s, now)
        return bucket

    def _forget(self, now: float) -> None:
        for caller in [caller for caller, bucket in self._buckets.items() if bucket.full_at <= now]:
            del self._buckets[caller]
        if len(self._buckets) >= self._max_callers:
            del self._buckets[next(iter(self._buckets))]


def rate_head(rate: Rate, allowance: Allowance) -> bytes:
    """Header lines that tell the caller where they stand (draft-ietf-httpapi-ratelimit-headers, as commonly sent)."""
    return b"ratelimit-limit: %d\r\nratelimit-remaining: %d\r\nratelimit-reset: %d\r\n" % (
        rate.limit,
        allowance.remaining,
        allowance.reset_s,
    )


def require_granted(rate: Rate, allowance: Allowance, of_whom: str) -> None:
    """Raises the 429, with the seconds after which one more is granted."""
    if not allowance.granted:
        raise RequestError(f"More than {rate} from one {of_whom}.", code=RATE_LIMITED, retry_after_s=allowance.reset_s)


async def take_by_address(
    limiter: RateLimiter | None, peers: Peers, scope: Scope, headers: Headers, standing: list[bytes]
) -> None:
    """Take one for the request's address. `standing` gets the header lines that say what is left. Raises the 429."""
    if limiter is None:
        return
    caller = rate_key(peers.address(scope.get("client"), headers.get(b"x-forwarded-for")))
    allowance = limiter.take(caller, monotonic()) or await limiter.settle(caller)
    standing.append(rate_head(limiter.rate, allowance))
    require_granted(limiter.rate, allowance, "address")
