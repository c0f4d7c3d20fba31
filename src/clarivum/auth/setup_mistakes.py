"""The usual mistakes when an API is pointed at an issuer, recognised by what the issuer publishes. Pure.

Sources: OpenID Connect Discovery 1.0 section 3 (metadata), RFC 7517 (key sets), RFC 9110 section 5.6.7 (Date), Auth0's
documentation on custom claims (reserved names and namespaces).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from clarivum.auth.keys import read_key_set
from clarivum.auth.policy import CLOCK_SKEW_S, Issuer, TokenPolicy
from clarivum.auth.strict_json import parse_object
from clarivum.settings import Settings

SHOWN_CHARACTERS = 120
# Names that Auth0 drops from access tokens without saying so when an Action sets them.
RESERVED_CLAIMS = frozenset(
    {
        "acr", "act", "active", "amr", "at_hash", "aud", "auth_time", "authorization_details", "azp", "c_hash",
        "client_id", "cnf", "exp", "groups", "gty", "iat", "iss", "jti", "nbf", "nonce", "org_id", "org_name",
        "permissions", "roles", "scope", "sid", "sub", "token_type", "typ", "username",
    }
)  # fmt: skip
RESERVED_NAMESPACES = ("auth0.com", "webtask.io", "webtask.run")


@dataclass(frozen=True, slots=True)
class Mistake:
    """What is wrong, and what to do about it."""

    what: str
    fix: str


def in_settings(settings: Settings) -> Iterator[Mistake]:
    """What can be seen without asking anybody."""
    claim = settings.roles_claim
    namespace = urlsplit(claim)
    if claim in RESERVED_CLAIMS or not namespace.netloc:
        kind = "is reserved" if claim in RESERVED_CLAIMS else "has no namespace"
        yield Mistake(
            f"CLARIVUM_ROLES_CLAIM {kind}, and Auth0 drops such claims without saying so: nobody will have a role",
            "name it like https://clarivum.com/roles, in the setting and in the post-login Action",
        )
    elif any(namespace.netloc == name or namespace.netloc.endswith(f".{name}") for name in RESERVED_NAMESPACES):
        yield Mistake(
            "CLARIVUM_ROLES_CLAIM lies in a namespace of Auth0's own, where it drops custom claims",
            "use a namespace of yours, such as https://clarivum.com/roles; it need not answer",
        )
    if settings.auth0_domain is not None and settings.auth0_audience == f"{settings.issuer}userinfo":
        yield Mistake(
            "AUTH0_AUDIENCE is the issuer's userinfo endpoint: tokens for it are opaque or not for this API",
            "set it to the identifier of the API in Auth0, and ask for tokens with that audience",
        )


def in_metadata(raw: bytes, issuer: Issuer, policy: TokenPolicy) -> Iterator[Mistake]:
    """What the discovery document says that will not fit. Raises ValueError when it is no JSON object."""
    document = parse_object(raw)
    name = document.get("issuer")
    if not isinstance(name, str):
        yield Mistake("it names no issuer, so it is no OpenID Connect metadata", "check the domain")
        return
    if name != issuer.url:
        yield _other_name(name[:SHOWN_CHARACTERS], issuer.url)
    keys_url = document.get("jwks_uri")
    if isinstance(keys_url, str) and keys_url != issuer.keys_url and name == issuer.url:
        yield Mistake(
            f"it keeps its keys at {keys_url[:SHOWN_CHARACTERS]}, and they are looked for at {issuer.keys_url}",
            "use an issuer that publishes them at /.well-known/jwks.json, as Auth0 does",
        )
    algorithms = document.get("id_token_signing_alg_values_supported")
    if isinstance(algorithms, list) and algorithms and not set(policy.algorithms) & set(map(str, algorithms)):
        listed = ", ".join(map(str, algorithms))[:SHOWN_CHARACTERS]
        yield Mistake(
            f"it signs with {listed}, and only {', '.join(policy.algorithms)} is accepted"
            + (": with HS256 whoever verifies can also sign" if "HS256" in algorithms else ""),
            "in Auth0, set the API (Settings, Token Settings) and the application to RS256",
        )


def _other_name(given: str, configured: str) -> Mistake:
    if given.rstrip("/") == configured.rstrip("/"):
        return Mistake(
            f"it calls itself {given}, and tokens are expected to carry {configured}: the final slash differs",
            "write the issuer exactly as it writes itself; Auth0's ends with a slash",
        )
    if urlsplit(given).netloc == urlsplit(configured).netloc:
        told = f"it calls itself {given}, and tokens are expected to carry {configured}"
        return Mistake(told, "write the issuer exactly as it writes itself, scheme and path included")
    return Mistake(
        f"it calls itself {given}, and tokens are expected to carry {configured}: tenant and custom domain differ",
        "set AUTH0_DOMAIN to the domain that tokens name as iss; in a move, the other in CLARIVUM_ADDITIONAL_ISSUERS",
    )


def in_keys(raw: bytes, policy: TokenPolicy) -> tuple[int, list[Mistake]]:
    """How many keys can be used, and what is wrong with the others. Raises ValueError when it is no JSON object."""
    parse_object(raw)
    try:
        reading = read_key_set(raw, policy)
    except ValueError as error:
        return 0, [Mistake(f"no key can be used: {error}", _remedy(str(error)))]
    return len(reading.keys), [Mistake(f"a key is not used: {why}", _remedy(why)) for why in reading.refused]


def in_names(tenant: bytes, name: bytes, policy: TokenPolicy) -> Iterator[Mistake]:
    """Whether two key sets, of AUTH0_DOMAIN and of a further issuer, are one tenant's: its names share its keys.

    Raises ValueError when one of them has no key that can be used.
    """
    ours, theirs = ({key.thumbprint for key in read_key_set(raw, policy).keys.values()} for raw in (tenant, name))
    if not ours & theirs:
        yield Mistake(
            "it shares no key with AUTH0_DOMAIN's, so it is another tenant, yet believed about every subject and role",
            "take it out of CLARIVUM_ADDITIONAL_ISSUERS, which is for other names of the same tenant",
        )


def _remedy(why: str) -> str:
    if "kty is none" in why:
        return "symmetric keys are for HS256: set the API in Auth0 to RS256"
    if "bits" in why or "broken generator" in why:
        return "rotate the signing key in the tenant to an RSA key of 2048 bits or more"
    if "private key" in why:
        return "the private key is public: revoke it at once, then rotate"
    return "check the domain; the tenant's own keys lie at /.well-known/jwks.json"


def in_clock(date: str | None, now: float) -> Iterator[Mistake]:
    """Whether this machine's clock and the issuer's differ by more than tokens may. `date` is the Date header."""
    try:
        theirs = parsedate_to_datetime(date or "").timestamp()
    except (TypeError, ValueError):
        return
    ahead = now - theirs
    if abs(ahead) > CLOCK_SKEW_S:
        word = "ahead of" if ahead > 0 else "behind"
        yield Mistake(
            f"this machine's clock is {abs(ahead):.0f} s {word} the issuer's; {CLOCK_SKEW_S} s are forgiven",
            "synchronise the clock (NTP): good tokens are refused as expired or not yet valid",
        )
