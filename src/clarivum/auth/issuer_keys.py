"""The keys of one issuer: fetched rarely, kept when fetching fails, never looked for where a token says.

A key set is fetched when a token names a key that is not in it, and every ten minutes anyway, so that a withdrawn key
stops working. Never more than once in 30 s, whatever arrives, and never twice at the same time.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from clarivum.auth.fetch import FetchError
from clarivum.auth.instruments import KEY_FETCHES, log
from clarivum.auth.keys import VerificationKey, read_key_set
from clarivum.auth.policy import Issuer, TokenPolicy
from clarivum.clock import Clock

MIN_FETCH_INTERVAL_S = 30.0
MAX_KEY_AGE_S = 600.0

Fetch = Callable[[str], Awaitable[bytes]]


class IssuerKeys:
    """`keys` by `kid`; empty until the first fetch succeeds. Belongs to one event loop.

    `refresh_at` (clock.monotonic) is when the set wants to be fetched again; `on_change` is called after every fetch.
    """

    def __init__(
        self, issuer: Issuer, policy: TokenPolicy, clock: Clock, fetch: Fetch, on_change: Callable[[], None]
    ) -> None:
        self.issuer = issuer
        self.keys: Mapping[str, VerificationKey] = MappingProxyType({})
        self.refresh_at = -math.inf
        self._policy = policy
        self._clock = clock
        self._fetch = fetch
        self._on_change = on_change
        self._fetch_allowed_at = -math.inf
        self._running: asyncio.Task[None] | None = None

    async def find(self, key_id: str) -> VerificationKey | None:
        """The key of that name, after waiting for a fetch (at most 3 s) when it is unknown and one may be made."""
        key = self.keys.get(key_id)
        if key is None:
            await self.refresh()
            key = self.keys.get(key_id)
        return key

    async def refresh(self) -> None:
        """Fetch the set, or wait for the fetch that runs; return at once when it is too early. Never raises.

        A caller that is cancelled takes nobody else's fetch with it, and a fetch that is cancelled no caller.
        """
        running = self.start_refresh()
        if running is not None:
            await asyncio.wait({running})

    def start_refresh(self) -> asyncio.Task[None] | None:
        """Start a fetch if one is allowed now; the running one, or None. Does not wait."""
        if self._running is None and self._clock.monotonic() >= self._fetch_allowed_at:
            self._fetch_allowed_at = self.refresh_at = self._clock.monotonic() + MIN_FETCH_INTERVAL_S
            self._running = asyncio.get_running_loop().create_task(self._fetch_and_adopt())
        return self._running

    def retry_after_s(self) -> int:
        """Whole seconds, at least one, until the next fetch is allowed."""
        return max(1, math.ceil(self._fetch_allowed_at - self._clock.monotonic()))

    async def close(self) -> None:
        """Stop a fetch that runs."""
        running = self._running
        if running is not None:
            running.cancel()
            await asyncio.wait({running})

    async def _fetch_and_adopt(self) -> None:
        try:
            reading = read_key_set(await self._fetch(self.issuer.keys_url), self._policy)
        except (FetchError, ValueError) as error:
            self._failed(str(error))
        except Exception as error:  # a `fetch` of the caller's own making
            self._failed(type(error).__name__)
        else:
            self._adopt(reading.keys)
            KEY_FETCHES.add(1, "ok")
            for why in reading.refused:
                log.warning("issuer key not used", issuer=self.issuer.url, why=why)
        finally:
            self._running = None
            self._on_change()

    def _failed(self, why: str) -> None:
        KEY_FETCHES.add(1, "failed")
        log.warning("issuer keys not fetched, going on with the old ones", issuer=self.issuer.url, why=why)

    def _adopt(self, fetched: Mapping[str, VerificationKey]) -> None:
        """Take over a set. A key that stays the same stays the same object, so what it verified stays believed."""
        before = self.keys
        self.keys = MappingProxyType({name: _same(before.get(name), key) for name, key in fetched.items()})
        self.refresh_at = self._clock.monotonic() + MAX_KEY_AGE_S
        if before.keys() != self.keys.keys():
            log.info("issuer keys changed", issuer=self.issuer.url, keys=sorted(self.keys))


def _same(old: VerificationKey | None, new: VerificationKey) -> VerificationKey:
    unchanged = old is not None and (old.thumbprint, old.algorithms) == (new.thumbprint, new.algorithms)
    return old if old is not None and unchanged else new
