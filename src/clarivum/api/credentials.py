"""What a request's cookies prove: a session, whose access token makes the principal, and that a change is meant.

Requests without a session cookie do not come here, and pay nothing for it. A credential that is sent must be good: a
wrong session is refused on every route, also beside a good bearer token.
"""

import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from clarivum.api.login.session import sealed_subject
from clarivum.api.request import Headers
from clarivum.auth import Principal, Reason, TokenRefusedError, TokenVerifier
from clarivum.auth.cookies import (
    Cookie,
    SessionCookies,
    SessionReason,
    SessionRefusedError,
    SessionToken,
    parse_cookies,
)
from clarivum.auth.cookies.chunks import MARK
from clarivum.auth.cookies.refusal import REFUSED
from clarivum.auth.csrf import HEADER, CsrfTokens
from clarivum.auth.instruments import SESSIONS
from clarivum.auth.origins import Origins, RequestOrigin
from clarivum.clock import SYSTEM_CLOCK, Clock
from clarivum.errors import CONFLICTING_CREDENTIALS, UNAUTHENTICATED, RequestError
from clarivum.settings import Settings

RefuseRevoked = Callable[[SessionToken], Awaitable[None]]
"""Asked on every request with a session; raises SessionRefusedError for one that was ended before it expired."""


class Renewal(Protocol):
    """What a session that goes on comes with."""

    @property
    def access_token(self) -> str: ...

    @property
    def set_cookies(self) -> Sequence[str]: ...


Renew = Callable[[SessionToken, Sequence[str], float], Awaitable[Renewal | None]]
"""Asked for a session that was not ended, with the request's cookie names and the time; None leaves it as it is."""

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
NO_ACCESS_TOKEN = "The session holds no access token: its front end must store the one Auth0 gave it."  # noqa: S105
_CSRF_HEADER = HEADER.encode("ascii")


class SessionCredentials:
    """The sessions of one process. `refuse_revoked` and `renew` may be set until the server listens."""

    def __init__(
        self,
        cookies: SessionCookies,
        csrf: CsrfTokens,
        origins: Origins,
        verifier: TokenVerifier,
        *,
        clock: Clock = SYSTEM_CLOCK,
        refuse_revoked: RefuseRevoked | None = None,
        renew: Renew | None = None,
    ) -> None:
        self.cookies = cookies
        self._csrf = csrf
        self._origins = origins
        self._verifier = verifier
        self._clock = clock
        self.refuse_revoked = refuse_revoked
        self.renew = renew

    async def admit(
        self, method: str, headers: Headers, bearer: Principal, standing: list[bytes] | None = None
    ) -> Principal:
        """The caller of a request that may hold a session, `bearer` being the caller by its Authorization header.

        `standing` gets the header lines of a session that was renewed; without it none is.

        Raises SessionRefusedError (401 `invalid_session`) for a session that is not good, RequestError
        `conflicting_credentials` (400) for a bearer token of somebody else, `csrf_failed` (403) for a change that no
        page of ours sent, and `unavailable` (503) as TokenVerifier.verify does.
        """
        cookies = parse_cookies(headers[b"cookie"])
        session = self.cookies.read(cookies, self._clock.now().timestamp())
        if session is None:
            return bearer
        # No other site's page can send the Authorization header: with it there is nothing more to be proven.
        must_be_meant = method not in SAFE_METHODS and bearer.subject is None
        if must_be_meant:
            self.check_origin(headers)
        principal = await self._principal(session, cookies, standing)
        if bearer.subject is not None:
            if principal.subject != bearer.subject:
                raise RequestError(
                    "The access token and the session cookie are of different subjects.", code=CONFLICTING_CREDENTIALS
                )
            return bearer
        if must_be_meant:
            self.check_token(headers, cookies, session, principal.subject)
        return principal

    def check_origin(self, headers: Headers) -> None:
        """Raises RequestError `csrf_failed` (403) unless one of our own pages sent the request."""
        self._origins.check(_request_origin(headers))

    def check_token(
        self, headers: Headers, cookies: Sequence[Cookie], session: SessionToken, subject: str | None
    ) -> None:
        """Raises RequestError `csrf_failed` (403) unless the request repeats the token of its session of `subject`."""
        self._csrf.check(_text(headers.get(_CSRF_HEADER)), cookies, _identity(session, subject))

    async def csrf_token(self, headers: Headers) -> tuple[str, str]:
        """The token for the request's session, and the Set-Cookie value that goes with it. Nothing is renewed.

        A session of our own login needs only its seal, and not to have been ended: whoever's access token is over can
        still be told apart, and sign out. Any other needs an access token that is good.

        Raises what `admit` raises, and RequestError `unauthenticated` (401) without a session.
        """
        cookies = parse_cookies(headers.get(b"cookie", b""))
        session = self.cookies.read(cookies, self._clock.now().timestamp())
        if session is None:
            raise RequestError("There is no session: sign in first.", code=UNAUTHENTICATED)
        subject = sealed_subject(session)
        if subject is None:
            subject = (await self._principal(session, cookies, None)).subject
        else:
            await self.refuse_ended(session)
        return self._csrf.issue(cookies, _identity(session, subject))

    async def refuse_ended(self, session: SessionToken) -> None:
        """Raises SessionRefusedError for a session that was ended before it expired, RequestError `unavailable`."""
        if self.refuse_revoked is not None:
            await self.refuse_revoked(session)

    async def _principal(
        self, session: SessionToken, cookies: Sequence[Cookie], standing: list[bytes] | None
    ) -> Principal:
        """Whom the access token inside, or the one that took its place, stands for, if the session was not ended."""
        await self.refuse_ended(session)
        token = session.access_token
        if self.renew is not None and standing is not None:
            renewal = await self.renew(session, [name for name, _ in cookies], self._clock.now().timestamp())
            if renewal is not None:
                token = renewal.access_token
                standing.extend(b"set-cookie: %b\r\n" % value.encode("ascii") for value in renewal.set_cookies)
        if token is None:
            SESSIONS.add(1, SessionReason.ACCESS_TOKEN.value)
            raise SessionRefusedError(SessionReason.ACCESS_TOKEN, "it holds none", detail=NO_ACCESS_TOKEN)
        try:
            principal = self._verifier.cached(token) or await self._verifier.verify(token)
        except TokenRefusedError as refused:
            SESSIONS.add(1, SessionReason.ACCESS_TOKEN.value)
            detail = refused.detail if refused.reason is Reason.OPAQUE else REFUSED
            raise SessionRefusedError(SessionReason.ACCESS_TOKEN, refused.log or "", detail=detail) from None
        return principal


def may_hold_session(headers: Headers) -> bool:
    """Whether the Cookie header, which is there, is worth reading: most requests carry only other cookies."""
    return MARK in headers[b"cookie"]


def session_credentials(
    settings: Settings, verifier: TokenVerifier, clock: Clock = SYSTEM_CLOCK
) -> SessionCredentials | None:
    """What the settings ask for; None without a secret: cookies are then not looked at.

    Raises ConfigurationError naming the variable.
    """
    secure, secrets = settings.is_served_over_tls, settings.auth_secrets
    listed = ", ".join(filter(None, (settings.allowed_origins, settings.base_url)))
    origins = Origins.from_setting(listed, https_only=secure)
    if not secrets:
        return None
    claims = [name for part in settings.session_token_claim.split(",") if (name := part.strip())]
    return SessionCredentials(
        SessionCookies(secrets, secure=secure, access_token_claims=claims),
        CsrfTokens(secrets, secure=secure),
        origins,
        verifier,
        clock=clock,
    )


def _identity(session: SessionToken, subject: str | None) -> str:
    """What stays the same while a session is written anew, and differs from every other caller's session.

    `sid` is the session's id, at the issuer or of our own login; without it `sub`, a front end's own id of its user.
    """
    sid = session.claims.get("sid", session.claims.get("sub"))
    return json.dumps([subject, sid if isinstance(sid, str) else None])


def _request_origin(headers: Headers) -> RequestOrigin:
    return RequestOrigin(
        host=_text(headers.get(b"host")),
        origin=_text(headers.get(b"origin")),
        fetch_site=_text(headers.get(b"sec-fetch-site")),
        referer=_text(headers.get(b"referer")),
    )


def _text(header: bytes | None) -> str | None:
    return None if header is None else header.decode("latin-1")
