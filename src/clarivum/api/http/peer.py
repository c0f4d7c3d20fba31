"""Who is at the other end of the connection, and whether to believe a proxy about it."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any

from clarivum.errors import ConfigurationError

Network = IPv4Network | IPv6Network
MAX_HOPS = 20
REMEMBERED = 4_096


class Peers:
    """Resolves addresses. Without trusted networks X-Forwarded-For is never looked at."""

    def __init__(self, trusted: Sequence[Network] = ()) -> None:
        self._trusted = tuple(trusted)

    @classmethod
    def from_setting(cls, text: str) -> "Peers":
        """Read `10.0.0.0/8, ::1`. Raises ConfigurationError naming the variable."""
        try:
            return cls([ip_network(part.strip()) for part in text.split(",") if part.strip()])
        except ValueError:
            raise ConfigurationError(
                "CLARIVUM_TRUSTED_PROXIES must be comma-separated networks, like 10.0.0.0/8, ::1"
            ) from None

    def address(self, client: Any, forwarded_for: bytes | None) -> str:
        """The caller's address: the nearest that is not a trusted proxy, reading X-Forwarded-For from the right."""
        peer: str = client[0] if client else ""
        if not self._trusted or forwarded_for is None or not self._trusts(peer):
            return peer
        for hop in reversed(forwarded_for.decode("latin-1").split(",")[-MAX_HOPS:]):
            address = hop.strip()
            if _parsed(address) is None:
                return peer
            peer = address
            if not self._trusts(address):
                return address
        return peer

    def _trusts(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


@lru_cache(maxsize=REMEMBERED)
def rate_key(address: str) -> str:
    """What counts as one anonymous caller: an IPv4 address, or the /64 network that one IPv6 customer gets."""
    parsed = _parsed(address)
    if parsed is None:
        return address
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    return str(ip_network(f"{parsed.compressed.partition('%')[0]}/64", strict=False).network_address)


@lru_cache(maxsize=REMEMBERED)
def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    """An address; one of IPv4 mapped into IPv6 is the IPv4 one. None when it is none."""
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    return (parsed.ipv4_mapped if isinstance(parsed, IPv6Address) else None) or parsed
