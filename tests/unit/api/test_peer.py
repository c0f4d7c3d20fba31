"""Whose word about the caller's address is taken."""

import pytest

from clarivum.api.http.peer import Peers, rate_key
from clarivum.errors import ConfigurationError

TRUSTING = Peers.from_setting("10.0.0.0/8, 2001:db8::/32")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", b"198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", b"203.0.113.9, 10.2.3.4", "203.0.113.9"),
        ("2001:db8::1", b"203.0.113.9", "203.0.113.9"),
        ("::ffff:10.0.0.1", b"203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", b"", "10.0.0.1"),
        ("10.0.0.1", b"unknown", "10.0.0.1"),
        ("10.0.0.1", b"203.0.113.9, <script>", "10.0.0.1"),
        ("10.0.0.1", b"10.9.9.9, 10.8.8.8", "10.9.9.9"),
        ("192.0.2.7", b"203.0.113.9", "192.0.2.7"),
    ],
)
def test_the_nearest_address_that_is_no_trusted_proxy_is_the_callers(
    peer: str, forwarded: bytes | None, address: str
) -> None:
    assert TRUSTING.address((peer, 1234), forwarded) == address


def test_without_trusted_proxies_the_header_says_nothing() -> None:
    assert Peers.from_setting("").address(("192.0.2.7", 1), b"203.0.113.9") == "192.0.2.7"
    assert Peers().address(None, b"203.0.113.9") == ""


def test_a_bad_setting_names_the_variable() -> None:
    with pytest.raises(ConfigurationError, match="CLARIVUM_TRUSTED_PROXIES"):
        Peers.from_setting("10.0.0.0/8, everyone")


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("fe80::1%eth0", "fe80::"),
        ("", ""),
    ],
)
def test_one_ipv6_network_is_one_caller(address: str, key: str) -> None:
    assert rate_key(address) == key
