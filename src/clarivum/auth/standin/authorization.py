"""The authorization code grant of the stand-in (RFC 6749, 7636, OpenID Connect Core): no password, PKCE all the same.

Codes and refresh tokens live in the memory of this process: after a restart people sign in again.
"""

import base64
import hmac
import re
import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode, urlsplit

from clarivum.auth.policy import LOOPBACK_HOSTS
from clarivum.auth.principal import MULTI_FACTOR
from clarivum.auth.roles import ROLES
from clarivum.auth.standin.issuing import StandIn
from clarivum.clock import Clock
from clarivum.errors import UsageError

CODE_LIFETIME_S = 60.0
MAX_KEPT = 1_000
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
MAX_TEXT_CHARACTERS = 1_000


class GrantNotTakenError(ValueError):
    """A code or refresh token that is unknown, used, expired or somebody else's: `invalid_grant`."""


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What a client asked for, checked. `mfa` when `acr_values` names the multi-factor policy."""

    client_id: str
    redirect_uri: str
    state: str
    nonce: str
    challenge: str
    mfa: bool

    @classmethod
    def read(cls, parameters: Mapping[str, str]) -> "AuthorizationRequest":
        """Raises UsageError, whose text may be shown: there is nobody to be redirected to then."""
        if parameters.get("response_type") != "code":
            raise UsageError("response_type must be code")
        client_id, redirect_uri = parameters.get("client_id", ""), parameters.get("redirect_uri", "")
        if not _CLIENT_ID.fullmatch(client_id):
            raise UsageError("client_id must be 1 to 64 letters, digits, _ or -")
        check_on_this_machine(redirect_uri, "redirect_uri")
        challenge = parameters.get("code_challenge", "")
        if parameters.get("code_challenge_method") != "S256" or not _CHALLENGE.fullmatch(challenge):
            raise UsageError("PKCE is required: code_challenge_method S256 and a code_challenge of 43 characters")
        if "openid" not in parameters.get("scope", "").split():
            raise UsageError("scope must hold openid")
        state, nonce = parameters.get("state", ""), parameters.get("nonce", "")
        if max(len(state), len(nonce)) > MAX_TEXT_CHARACTERS:
            raise UsageError(f"state and nonce are at most {MAX_TEXT_CHARACTERS} characters")
        mfa = MULTI_FACTOR in parameters.get("acr_values", "").split()
        return cls(client_id, redirect_uri, state, nonce, challenge, mfa)

    def answered(self, issuer: str, **parameters: str) -> str:
        """Where the browser goes back to."""
        query = urlencode({**parameters, "state": self.state, "iss": issuer})
        return f"{self.redirect_uri}{'&' if urlsplit(self.redirect_uri).query else '?'}{query}"


@dataclass(frozen=True, slots=True)
class Person:
    """Whom somebody chose to be."""

    subject: str
    roles: tuple[str, ...]
    mfa: bool

    @classmethod
    def read(cls, form: Mapping[str, str]) -> "Person":
        """Raises UsageError."""
        subject = form.get("subject", "").strip()
        if not subject or len(subject) > 255 or not subject.isprintable():
            raise UsageError("a subject is 1 to 255 printable characters, for example auth0|alice")
        return cls(subject, tuple(role for role in ROLES if f"role_{role}" in form), "mfa" in form)

    @property
    def name(self) -> str:
        return self.subject.rpartition("|")[2]


@dataclass(frozen=True, slots=True)
class _Code:
    request: AuthorizationRequest
    person: Person
    expires_at: float


class Authorizations:
    """Codes and refresh tokens that were given out: at most 1,000 of each, the oldest go first."""

    def __init__(self, stand_in: StandIn, clock: Clock) -> None:
        self._stand_in = stand_in
        self._clock = clock
        self._codes: OrderedDict[str, _Code] = OrderedDict()
        self._refresh_tokens: OrderedDict[str, tuple[str, Person]] = OrderedDict()

    def code_for(self, request: AuthorizationRequest, person: Person) -> str:
        """A code, good once and for a minute."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = _Code(request, person, self._clock.monotonic() + CODE_LIFETIME_S)
        _bound(self._codes)
        return code

    def redeem(self, parameters: Mapping[str, str], client_id: str, lifetime_s: int) -> dict[str, Any]:
        """The token answer for a code. Raises GrantNotTakenError."""
        known = self._codes.pop(parameters.get("code", ""), None)
        if known is None or self._clock.monotonic() >= known.expires_at:
            raise GrantNotTakenError("The code is unknown, was used, or is older than a minute.")
        asked = known.request
        if client_id != asked.client_id or parameters.get("redirect_uri") != asked.redirect_uri:
            raise GrantNotTakenError("The code was given to another client or for another redirect_uri.")
        proof = base64.urlsafe_b64encode(sha256(parameters.get("code_verifier", "").encode()).digest()).rstrip(b"=")
        if not hmac.compare_digest(proof, asked.challenge.encode()):
            raise GrantNotTakenError("code_verifier does not fit the code_challenge.")
        return self._tokens(client_id, known.person, lifetime_s, nonce=asked.nonce)

    def refresh(self, refresh_token: str, client_id: str, lifetime_s: int) -> dict[str, Any]:
        """The token answer for a refresh token, which another one takes the place of. Raises GrantNotTakenError."""
        owner, person = self._refresh_tokens.pop(refresh_token, (None, None))
        if owner != client_id or person is None:
            raise GrantNotTakenError("The refresh token is unknown, was used, or is another client's.")
        return self._tokens(client_id, person, lifetime_s)

    def forget(self, refresh_token: str) -> None:
        """Revoke a refresh token (RFC 7009)."""
        self._refresh_tokens.pop(refresh_token, None)

    def _tokens(self, client_id: str, person: Person, lifetime_s: int, nonce: str | None = None) -> dict[str, Any]:
        stand_in = self._stand_in
        email = f"{person.name}@example.com" if re.fullmatch(r"[a-z0-9._-]{1,60}", person.name) else None
        refresh_token = secrets.token_urlsafe(32)
        self._refresh_tokens[refresh_token] = (client_id, person)
        _bound(self._refresh_tokens)
        tokens: dict[str, Any] = {
            "access_token": stand_in.issue(person.subject, person.roles, email, lifetime_s, mfa=person.mfa),
            "refresh_token": refresh_token,
            "token_type": "Bearer",
            "expires_in": lifetime_s,
        }
        if nonce is not None:
            tokens["id_token"] = stand_in.issue_id_token(
                person.subject, client_id, nonce, name=person.name, email=email, mfa=person.mfa
            )
        return tokens


def check_on_this_machine(url: str, name: str) -> None:
    """Raises UsageError for a URL that leads anywhere but to this machine: nobody is let in elsewhere from here."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or parts.hostname not in LOOPBACK_HOSTS or parts.fragment:
        raise UsageError(f"{name} must lead to this machine, such as http://localhost:8000/auth/callback")


def _bound(kept: OrderedDict[str, Any]) -> None:
    while len(kept) > MAX_KEPT:
        kept.popitem(last=False)
