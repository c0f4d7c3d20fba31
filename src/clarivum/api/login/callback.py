"""GET /auth/callback: back from the identity provider, once, with a code; ends in a session or a problem.

What the issuer says went wrong is never repeated: its words may be anybody's who wrote the link.
"""

import hmac
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from clarivum.api.login.parts import Parts
from clarivum.api.login.paths import CALLBACK, LOGIN
from clarivum.api.login.serving import Visit, redirect
from clarivum.api.login.session import IDLE_S, SessionTokens, begin, session_id
from clarivum.api.login.start import AttemptCookie
from clarivum.api.login.statements import queries
from clarivum.api.response import Response
from clarivum.auth import Principal, TokenRefusedError
from clarivum.auth.audit import AuditEvent, AuditRecorder
from clarivum.auth.cookies import SessionRefusedError
from clarivum.auth.instruments import LOGINS
from clarivum.auth.oidc import (
    GrantRefusedError,
    IdTokenRefusedError,
    LoginAttempt,
    TokenSet,
    check_id_token,
    open_attempt,
)
from clarivum.auth.oidc.attempt import LIFETIME_S
from clarivum.database import WORKER
from clarivum.errors import LOGIN_DENIED, LOGIN_FAILED, MFA_REQUIRED, UNAVAILABLE, RequestError

ROUTE = f"GET {CALLBACK}"
MAX_CODE_CHARACTERS = 4_096
FORGOTTEN_AT_ONCE = 3
DENIED = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})
FAILING = frozenset({"server_error", "temporarily_unavailable"})


@dataclass(frozen=True, slots=True)
class SignedIn:
    """What an issuer's tokens proved: whose they are, and the ID token's claims."""

    principal: Principal
    profile: Mapping[str, Any]
    tokens: TokenSet


class Callback:
    """Completes a login. An attempt is used up by coming back with its state, whatever comes of it then."""

    def __init__(self, parts: Parts, attempts: AttemptCookie, audit: AuditRecorder) -> None:
        self._parts = parts
        self._audit = audit
        self._attempts = attempts

    async def __call__(self, visit: Visit, set_cookies: list[str]) -> Response:
        try:
            attempt = self._attempt(visit)
            set_cookies.append(self._attempts.clear())
            await self._take(attempt)
            await self._check_issuer(visit)
            signed_in = await self._signed_in(self._code(visit), attempt)
            await self._end_previous(visit)
        except RequestError as error:
            LOGINS.add(1, error.code.name)
            raise
        caller = signed_in.principal
        await self._audit.record(
            AuditEvent("sign_in", "done", "signed_in", caller.subject, caller.roles, ROUTE, visit.trace_id)
        )
        set_cookies.extend(self._session(visit, signed_in))
        LOGINS.add(1, "signed_in")
        return redirect(attempt.return_to)

    def _attempt(self, visit: Visit) -> LoginAttempt:
        sealed, state = visit.cookie(self._attempts.name), visit.parameters.get("state", "")
        if sealed is None:
            raise _failure("This browser has not begun a login, or has completed it.", "no attempt in the cookies")
        attempt = open_attempt(sealed, self._attempts.seal, self._parts.now())
        if attempt is None:
            raise _failure("The login took longer than ten minutes.", "the attempt is over, or was not sealed by us")
        if not hmac.compare_digest(attempt.state.encode(), state.encode("utf-8", "surrogatepass")):
            raise _failure("The answer belongs to another login of this browser.", "state is not the attempt's")
        return attempt

    async def _check_issuer(self, visit: Visit) -> None:
        """RFC 9207: an answer of another issuer, mixed up with ours, is not taken."""
        provider, said = await self._parts.client.provider(), visit.parameters.get("iss")
        if (said is None and provider.names_itself_in_callbacks) or (said is not None and said != provider.issuer):
            raise _failure("The answer does not come from our identity provider.", "iss is not our issuer")

    async def _take(self, attempt: LoginAttempt) -> None:
        """Use the attempt up, in all processes: the same link a second time does nothing."""
        database = self._parts.database.session(WORKER)
        digest = sha256(attempt.state.encode()).digest()
        if await database.maybe(queries.take_callback, digest=digest, kept_s=float(LIFETIME_S)) is None:
            raise _failure("This login was completed before.", "the callback was answered before")
        with suppress(RequestError):
            await database.execute(queries.forget_expired_callbacks, count=FORGOTTEN_AT_ONCE)

    @staticmethod
    def _code(visit: Visit) -> str:
        error = visit.parameters.get("error")
        if error in DENIED:
            raise RequestError("The identity provider did not let you in.", code=LOGIN_DENIED, log=f"issuer: {error}")
        if error in FAILING:
            raise RequestError("The identity provider failed; try again.", code=UNAVAILABLE, log=f"issuer: {error}")
        if error is not None:
            raise _failure("The identity provider refused the login.", "the issuer answered with an error")
        code = visit.parameters.get("code", "")
        if not 0 < len(code) <= MAX_CODE_CHARACTERS or not code.isascii() or not code.isprintable():
            raise _failure("The answer of the identity provider holds no code.", "code is missing or malformed")
        return code

    async def _signed_in(self, code: str, attempt: LoginAttempt) -> SignedIn:
        try:
            tokens = await self._parts.client.redeem(code, attempt)
        except GrantRefusedError:
            raise _failure("The identity provider did not take its own code back.", "invalid_grant") from None
        ours = self._parts.client.registration
        try:
            algorithm, profile = await self._parts.verifier.signed_claims(tokens.id_token or "", ours.issuer)
            subject = check_id_token(
                profile,
                issuer=ours.issuer,
                client_id=ours.client_id,
                nonce=attempt.nonce,
                algorithm=algorithm,
                access_token=tokens.access_token,
                now=self._parts.now(),
            )
            principal = await self._parts.verifier.verify(tokens.access_token)
        except (TokenRefusedError, IdTokenRefusedError) as refused:
            why = refused.log if isinstance(refused, TokenRefusedError) else f"ID token: {refused}"
            raise _failure("The identity provider's tokens were not accepted.", why or "") from None
        if principal.subject != subject:
            raise _failure("The identity provider's tokens were not accepted.", "they are of different subjects")
        if attempt.mfa and not principal.mfa:
            raise _no_second_factor(profile)
        return SignedIn(principal, profile, tokens)

    async def _end_previous(self, visit: Visit) -> None:
        """The session that this browser had ends, so that nobody who knew it shares what the new one may do."""
        try:
            previous = self._parts.cookies.read(visit.cookies, self._parts.now())
        except SessionRefusedError:
            return
        sid = session_id(previous) if previous is not None else None
        if sid is not None:
            await self._parts.revocations.revoke_session(sid, "replaced")

    def _session(self, visit: Visit, signed_in: SignedIn) -> list[str]:
        now, principal, tokens = self._parts.now(), signed_in.principal, signed_in.tokens
        assert principal.subject is not None
        kept = SessionTokens(tokens.access_token, tokens.refresh_token, principal)
        claims = begin(signed_in.profile, principal.subject, kept, now)
        return self._parts.cookies.write(claims, now=now, max_age_s=IDLE_S, present=visit.cookie_names)


def _no_second_factor(profile: Mapping[str, Any]) -> RequestError:
    methods = profile.get("amr")
    if isinstance(methods, list) and "mfa" in methods:
        why = "the ID token names mfa, the access token does not: see A second factor in docs/guide/auth.md"
    else:
        why = "mfa was asked for, and neither token names it"
    return RequestError("The identity provider confirmed no second factor.", code=MFA_REQUIRED, log=why)


def _failure(detail: str, why: str) -> RequestError:
    return RequestError(f"{detail} Start again at {LOGIN}.", code=LOGIN_FAILED, log=why)
