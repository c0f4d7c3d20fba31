"""Which pages a browser may send changes from: the Origin check against cross-site request forgery.

A browser always says where a request that changes something comes from: in Origin (Fetch standard, section 3.2),
else in Sec-Fetch-Site or Referer. A request that says nothing is refused: it is no browser's, and has no use for a
cookie.
"""

import re
from dataclasses import dataclass

from clarivum.errors import CSRF_FAILED, ConfigurationError, RequestError

_HOST = r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]{2,45}\]"
_ORIGIN = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?", re.ASCII)
_AUTHORITY = re.compile(rf"({_HOST})(?::([0-9]{{1,5}}))?", re.ASCII)
_PATH = re.compile(r"[/?#]")
_DEFAULT_PORTS = {"http": 80, "https": 443}
MAX_ORIGIN_CHARACTERS = 512

Origin = tuple[str, str, int]
"""Scheme, host, port: what two URLs must share to be of one origin (RFC 6454)."""


@dataclass(frozen=True, slots=True)
class RequestOrigin:
    """What a request says of where it goes and where it comes from; None for a header that is not there.

    Several headers of one name are joined by a comma, which no value that is accepted here holds.
    """

    host: str | None
    origin: str | None = None
    fetch_site: str | None = None
    referer: str | None = None


class Origins:
    """The origins whose pages may send changes: the one the request goes to, and those the settings name.

    `https_only` is for a site under TLS: its own origin is then https, whatever the Host header's port.
    """

    def __init__(self, allowed: frozenset[Origin] = frozenset(), *, https_only: bool) -> None:
        self._allowed = allowed
        self._schemes = ("https",) if https_only else ("https", "http")

    @classmethod
    def from_setting(cls, text: str, *, https_only: bool) -> "Origins":
        """Those that CLARIVUM_ALLOWED_ORIGINS lists. Raises ConfigurationError naming it."""
        return cls(listed_origins(text, "CLARIVUM_ALLOWED_ORIGINS", https_only=https_only), https_only=https_only)

    def check(self, request: RequestOrigin) -> None:
        """Raises RequestError `csrf_failed` (403) unless the request comes from one of the origins."""
        reason = self._refusal(request)
        if reason is not None:
            raise RequestError(
                "The change was not sent from one of our own pages: its Origin is missing or not allowed.",
                code=CSRF_FAILED,
                log=reason,
            )

    def _refusal(self, request: RequestOrigin) -> str | None:
        if request.origin is not None:
            return None if self._is_ours(parse_origin(request.origin), request.host) else "Origin is not allowed"
        if request.fetch_site is not None:
            return None if request.fetch_site == "same-origin" else "no Origin, and Sec-Fetch-Site is not same-origin"
        if request.referer is not None:
            start = _origin_of_url(request.referer)
            return None if self._is_ours(start, request.host) else "no Origin, and Referer's is not allowed"
        return "neither Origin nor Sec-Fetch-Site nor Referer"

    def _is_ours(self, origin: Origin | None, host: str | None) -> bool:
        if origin is None:
            return False
        if origin in self._allowed:
            return True
        own = _AUTHORITY.fullmatch(host.lower()) if host is not None else None
        if own is None or origin[0] not in self._schemes:
            return False
        port = int(own[2]) if own[2] else _DEFAULT_PORTS[origin[0]]
        return origin[1:] == (own[1], port)


def listed_origins(text: str, setting: str, *, https_only: bool) -> frozenset[Origin]:
    """Read `https://app.example.org, https://admin.example.org`. Raises ConfigurationError naming the setting."""
    origins = set()
    for part in filter(None, (part.strip() for part in text.split(","))):
        origin = parse_origin(part)
        if origin is None or (https_only and origin[0] != "https"):
            raise ConfigurationError(
                f"{setting} must be comma-separated origins, like https://app.example.org: scheme, host and port only, "
                "no path, no *; in production https only"
            )
        origins.add(origin)
    return frozenset(origins)


def parse_origin(text: str) -> Origin | None:
    """A serialised origin, in any case; None for anything else: `null`, a path, user information, two origins."""
    match = _ORIGIN.fullmatch(text.lower()) if len(text) <= MAX_ORIGIN_CHARACTERS else None
    if match is None:
        return None
    port = int(match[3]) if match[3] else _DEFAULT_PORTS[match[1]]
    return (match[1], match[2], port) if 0 < port < 65_536 else None


def _origin_of_url(url: str) -> Origin | None:
    """The origin of a URL; None when what stands before its path is more than that, such as user information."""
    scheme, separator, rest = url.partition("://")
    return parse_origin(scheme + separator + _PATH.split(rest, maxsplit=1)[0])
