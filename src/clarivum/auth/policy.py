"""What a token must be to be believed. One value of this type per verifier; the rest of the package only obeys it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from clarivum.errors import ConfigurationError
from clarivum.settings import Environment, Settings

MAX_TOKEN_BYTES = 8_192
CLOCK_SKEW_S = 30
# RFC 9068 section 2.1 also allows the media type in full; Auth0 issues `JWT` or, with that profile on, `at+jwt`.
ACCEPTED_TYPES = frozenset({"JWT", "at+jwt", "application/at+jwt"})
KEY_ID_SHAPE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._:@=+-]{0,127}")
ADDITIONAL_ISSUER = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+|https?://[^\s/,@?#]+(/[^\s,@?#]*)?/")
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class KeyShape:
    """The key an algorithm takes: the JWK's `kty`, and its `crv` where the algorithm fixes the curve."""

    key_type: str
    curves: frozenset[str] | None = None


# Every algorithm that may be allowed. Symmetric ones and `none` cannot be: whoever verifies could then also sign.
ASYMMETRIC_ALGORITHMS: Mapping[str, KeyShape] = {
    **{f"{family}{size}": KeyShape("RSA") for family in ("RS", "PS") for size in (256, 384, 512)},
    "ES256": KeyShape("EC", frozenset({"P-256"})),
    "ES384": KeyShape("EC", frozenset({"P-384"})),
    "ES512": KeyShape("EC", frozenset({"P-521"})),
    "EdDSA": KeyShape("OKP", frozenset({"Ed25519", "Ed448"})),
    "Ed25519": KeyShape("OKP", frozenset({"Ed25519"})),
    "Ed448": KeyShape("OKP", frozenset({"Ed448"})),
}


@dataclass(frozen=True, slots=True)
class TokenPolicy:
    """Which signature algorithms are accepted. Auth0 signs with RS256 unless told otherwise.

    Raises ConfigurationError for an empty list and for any algorithm that is not asymmetric.
    """

    algorithms: tuple[str, ...] = ("RS256",)

    def __post_init__(self) -> None:
        if not self.algorithms:
            raise ConfigurationError("the token policy allows no algorithm")
        for algorithm in self.algorithms:
            if algorithm not in ASYMMETRIC_ALGORITHMS:
                known = ", ".join(ASYMMETRIC_ALGORITHMS)
                raise ConfigurationError(f"the token policy cannot allow {algorithm!r}: choose from {known}")


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who may issue tokens, for whom, and where its keys are.

    `url` is compared with `iss` character by character (Auth0's ends with a slash), `audience` must be `aud` or a
    member of it. Raises ConfigurationError unless both URLs are https, or http on this machine's loopback.
    """

    url: str
    audience: str
    keys_url: str = ""

    def __post_init__(self) -> None:
        if not self.keys_url:
            object.__setattr__(self, "keys_url", f"{self.url.rstrip('/')}/.well-known/jwks.json")
        for url in (self.url, self.keys_url):
            parts = urlsplit(url)
            safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
            if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
                raise ConfigurationError(
                    "AUTH0_DOMAIN, CLARIVUM_ADDITIONAL_ISSUERS or CLARIVUM_IDENTITY_URL: an issuer is "
                    "https://<domain>/, or http on loopback"
                )


def issuers_of(settings: Settings) -> tuple[Issuer, ...]:
    """The issuers that the settings name, the one of AUTH0_DOMAIN (or the stand-in) first: names of one tenant.

    A subject is the same person whichever of them says so, hence each is trusted for every subject and role.
    Raises ConfigurationError for one of another form, named twice, or neither https nor on loopback.
    """
    listed = [entry.strip() for entry in settings.additional_issuers.split(",")] if settings.additional_issuers else []
    insecure = settings.environment is Environment.PRODUCTION and any(entry.startswith("http://") for entry in listed)
    if insecure or not all(map(ADDITIONAL_ISSUER.fullmatch, listed)):
        raise ConfigurationError(
            "CLARIVUM_ADDITIONAL_ISSUERS must list host names such as login.example.org, or issuer URLs that end "
            "with a slash, separated by commas; in production https only"
        )
    further = [entry if "://" in entry else f"https://{entry}/" for entry in listed]
    urls = [settings.issuer, *further]
    if len(set(urls)) != len(urls):
        raise ConfigurationError("CLARIVUM_ADDITIONAL_ISSUERS names an issuer twice, or the one of AUTH0_DOMAIN")
    return tuple(Issuer(url, settings.auth0_audience) for url in urls)
