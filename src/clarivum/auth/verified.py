"""The tokens that were verified lately, so that a client's second request costs a hash and not a signature check.

Tokens themselves are not kept: an entry is found by the BLAKE2b digest of the token's text.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b

from clarivum.auth.keys import VerificationKey
from clarivum.auth.principal import Principal

DEFAULT_CAPACITY = 10_000


@dataclass(frozen=True, slots=True)
class Verified:
    """What a token proved, with which key, and until when that may be believed without looking again."""

    principal: Principal
    issuer: str
    key: VerificationKey
    believed_until: datetime


class VerifiedTokens:
    """At most `capacity` entries; the one not asked for the longest goes first. For one event loop, not for threads."""

    def __init__(self, capacity: int = DEFAULT_CAPACITY) -> None:
        self._entries: OrderedDict[bytes, Verified] = OrderedDict()
        self._capacity = capacity

    def __len__(self) -> int:
        return len(self._entries)

    def find(self, token: str, now: datetime) -> Principal | None:
        """The principal of a token verified before and not expired at `now`."""
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        entry = self._entries.get(digest)
        if entry is None:
            return None
        if now >= entry.believed_until:
            del self._entries[digest]
            return None
        self._entries.move_to_end(digest)
        return entry.principal

    def remember(self, token: str, verified: Verified) -> None:
        digest = blake2b(token.encode("utf-8", "surrogatepass"), digest_size=32).digest()
        self._entries[digest] = verified
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)

    def forget(self, doomed: Callable[[Verified], bool]) -> int:
        """Drop every entry that `doomed` names, and say how many."""
        digests = [digest for digest, entry in self._entries.items() if doomed(entry)]
        for digest in digests:
            del self._entries[digest]
        return len(digests)
