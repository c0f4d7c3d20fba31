"""Telling a business address from a personal one by its domain. Pure."""

from typing import Literal

# Mail providers whose addresses belong to people, not companies: the largest by mailboxes in our markets.
PERSONAL_DOMAINS = frozenset(
    {
        "aol.com", "fastmail.com", "free.fr", "gmail.com", "gmx.de", "gmx.net", "googlemail.com", "hey.com",
        "hotmail.com", "icloud.com", "interia.pl", "laposte.net", "libero.it", "live.com", "mac.com", "mail.ru",
        "me.com", "msn.com", "o2.pl", "onet.pl", "op.pl", "orange.fr", "outlook.com", "pm.me", "proton.me",
        "protonmail.com",
        "qq.com", "rocketmail.com", "seznam.cz", "t-online.de", "tutanota.com", "web.de", "wp.pl", "yahoo.co.uk",
        "yahoo.com", "yandex.ru", "ymail.com", "zoho.com",
    }
)  # fmt: skip


def audience_of(email: str) -> Literal["business", "personal"]:
    """`personal` for an address at a mail provider, `business` for one at any other domain."""
    domain = email.rpartition("@")[2].lower()
    return "personal" if domain in PERSONAL_DOMAINS else "business"
