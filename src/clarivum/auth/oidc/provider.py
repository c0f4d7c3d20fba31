"""What an issuer says of itself (OpenID Connect Discovery 1.0, section 3; RFC 8414), read with suspicion. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from authlib.oidc.discovery import get_well_known_url

from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.strict_json import parse_object

AUTH0_DOMAINS = (".auth0.com",)


class ProviderRefusedError(ValueError):
    """A metadata document that cannot be used; the message names the member."""


@dataclass(frozen=True, slots=True)
class Provider:
    """The endpoints of an issuer. Each is https, or http on loopback, so that a code or secret never travels open."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    end_session_endpoint: str | None
    revocation_endpoint: str | None
    names_itself_in_callbacks: bool
    """Whether callbacks carry `iss` (RFC 9207); then one without it is refused."""
    client_authentication: str
    """`client_secret_basic` or `client_secret_post`."""


def discovery_url(issuer: str) -> str:
    """Where the document of an issuer lies."""
    url: str = get_well_known_url(issuer, external=True)
    return url


def read_provider(raw: bytes, issuer: str) -> Provider:
    """Read the document. `issuer` must be its own, character by character.

    Raises ProviderRefusedError (a ValueError) naming what does not fit.
    """
    document = parse_object(raw)
    if document.get("issuer") != issuer:
        raise ProviderRefusedError("issuer is another one than the configured")
    challenges = document.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(challenges, list) or "S256" not in challenges:
        raise ProviderRefusedError("code_challenge_methods_supported does not name S256")
    return Provider(
        issuer=issuer,
        authorization_endpoint=_endpoint(document, "authorization_endpoint"),
        token_endpoint=_endpoint(document, "token_endpoint"),
        end_session_endpoint=_optional_endpoint(document, "end_session_endpoint"),
        revocation_endpoint=_optional_endpoint(document, "revocation_endpoint"),
        names_itself_in_callbacks=document.get("authorization_response_iss_parameter_supported") is True,
        client_authentication=_client_authentication(document),
    )


def is_auth0(issuer: str) -> bool:
    """Whether an issuer is an Auth0 tenant under Auth0's own domain."""
    return (urlsplit(issuer).hostname or "").endswith(AUTH0_DOMAINS)


def _endpoint(document: Mapping[str, Any], name: str) -> str:
    url = document.get(name)
    if not isinstance(url, str):
        raise ProviderRefusedError(f"{name} is missing")
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK_HOSTS)
    if not safe or not parts.hostname or parts.username is not None or parts.fragment:
        raise ProviderRefusedError(f"{name} is no https URL")
    return url


def _optional_endpoint(document: Mapping[str, Any], name: str) -> str | None:
    return None if document.get(name) is None else _endpoint(document, name)


def _client_authentication(document: Mapping[str, Any]) -> str:
    """The method for the client's secret; `client_secret_basic` is the default of the specification."""
    offered = document.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
    for method in ("client_secret_basic", "client_secret_post"):
        if isinstance(offered, list) and method in offered:
            return method
    raise ProviderRefusedError("token_endpoint_auth_methods_supported names neither client_secret_basic nor _post")
