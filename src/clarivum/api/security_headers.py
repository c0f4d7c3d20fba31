"""What every answer tells browsers, after OWASP's HTTP Headers and REST Security Cheat Sheets. Built once, at import.

Nobody may guess a type, frame an answer, learn from a Referer where it came from, or load it from another site. There
are no CORS headers unless the settings name an origin (cors.py).
"""

import base64
import re
from collections.abc import Mapping
from hashlib import sha256

from clarivum.errors import DeclarationError

HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
HEADER_VALUE = re.compile(r"[\x20-\x7e\t]*")
NOTHING_ALLOWED = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""The policy of an answer that is no page; default-src does not stand in for the other three."""
FEATURES = ("camera", "geolocation", "microphone", "payment", "usb")


def header_lines(headers: Mapping[str, str]) -> bytes:
    """Raises DeclarationError for a name or value that would break out of its line."""
    lines = []
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise DeclarationError(f"response header {name!r} holds characters that a header cannot carry")
        lines.append(f"{name.lower()}: {value}\r\n")
    return "".join(lines).encode("ascii")


SECURITY = header_lines(
    {
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in FEATURES),
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
)
"""Part of every answer, whatever else it is."""

TRANSPORT_SECURITY = header_lines({"strict-transport-security": "max-age=63072000; includeSubDomains"})
"""RFC 6797: two years of https alone. Only for a site that is served so: it would lock a developer's browser out."""


def page_policy(style: str) -> str:
    """The policy of a page with one style sheet of its own, and no script."""
    digest = base64.b64encode(sha256(style.encode()).digest()).decode("ascii")
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
