"""A session that goes on: the access token renewed before it ends, the idle time counted anew, until its last day.

Requests of one page arrive together, at any process, with one refresh token that can be spent once. Whoever leases it
in the database spends it; the others go on with the access token at hand, or wait for the new one if that has ended.
What comes back is kept, sealed, for a few minutes, for requests that were sent with the old cookie; unless the person
may do more or less than before: then the session goes on under another id, and the old cookie ends.
"""

import asyncio
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

import orjson

from clarivum.api.login.parts import Parts
from clarivum.api.login.session import (
    IDLE_S,
    SessionTokens,
    access_token_is_over,
    last_moment,
    new_session_id,
    refresh_due,
    reissue_due,
    session_id,
)
from clarivum.api.login.statements import queries
from clarivum.auth import TokenRefusedError
from clarivum.auth.cookies import SessionReason, SessionRefusedError, SessionToken
from clarivum.auth.instruments import REFRESHES, SESSIONS
from clarivum.auth.oidc import GrantRefusedError
from clarivum.auth.policy import CLOCK_SKEW_S
from clarivum.auth.revocation import Reason
from clarivum.auth.seal import Seal
from clarivum.database import WORKER
from clarivum.errors import UNAVAILABLE, RequestError

LEASE_S = 15.0
"""Longer than the issuer is given to answer."""
KEPT_S = 300.0
WAIT_S = 6.0
POLL_S = 0.1
FORGOTTEN_AT_ONCE = 3


@dataclass(frozen=True, slots=True)
class Renewed:
    """The access token to go on with, and the Set-Cookie values that carry the session further."""

    access_token: str
    set_cookies: Sequence[str]


class SessionRenewal:
    """Renews the sessions that our own login began; those of a front end are its own to renew.

    `max_age_s` is how long after its sign-in a session ends, however much it is used.
    """

    def __init__(self, parts: Parts, seal: Seal, *, max_age_s: int) -> None:
        self._parts = parts
        self._seal = seal
        self._max_age_s = max_age_s
        self._running: set[asyncio.Task[SessionTokens | None]] = set()

    async def renew(self, session: SessionToken, present: Sequence[str], now: float) -> Renewed | None:
        """What to go on with; None when the session is good as it is. `present` are the request's cookie names.

        The session must not be revoked: ask before. Raises SessionRefusedError when it cannot go on, RequestError
        `unavailable` when its access token has ended and the issuer does not answer.
        """
        if session_id(session) is None:
            return None
        if now >= session.issued_at + IDLE_S + CLOCK_SKEW_S:  # a front end that shares it may have given it longer
            raise self._ended("nobody used it for twelve hours")
        if now >= last_moment(session, self._max_age_s):
            raise self._ended("its person signed in too long ago")
        if refresh_due(session, now):
            tokens = await self._new_tokens(session, now)
            if tokens is not None:
                sid = {"sid": new_session_id()} if _may_do_otherwise(session, tokens) else {}
                return self._written(session, {**tokens.claims(), **sid}, tokens.access_token, present, now)
        if reissue_due(session, now) and session.access_token is not None:
            return self._written(session, {}, session.access_token, present, now)
        return None

    def _written(
        self,
        session: SessionToken,
        changes: Mapping[str, object],
        access_token: str,
        present: Sequence[str],
        now: float,
    ) -> Renewed:
        lives_s = min(IDLE_S, math.ceil(last_moment(session, self._max_age_s) - now))
        claims = {**session.claims, **changes}
        return Renewed(access_token, self._parts.cookies.write(claims, now=now, max_age_s=lives_s, present=present))

    async def _new_tokens(self, session: SessionToken, now: float) -> SessionTokens | None:
        """The new tokens; None while the old ones are good enough and somebody else is at it."""
        refresh_token = session.claims.get("refresh_token")
        over = access_token_is_over(session, now)
        if not isinstance(refresh_token, str):
            if over:
                raise self._ended("the access token has ended, and there is no refresh token")
            return None
        digest = sha256(refresh_token.encode()).digest()
        # A caller that goes away must not take the answer with it: the refresh token is spent by then.
        spending = asyncio.create_task(self._spend(session, refresh_token, digest, wait=over))
        self._running.add(spending)
        spending.add_done_callback(self._ran)
        try:
            return await asyncio.shield(spending)
        except RequestError as error:
            if error.code is not UNAVAILABLE or over:
                raise
            REFRESHES.add(1, "postponed")
            return None

    def _ran(self, task: asyncio.Task[SessionTokens | None]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits raises it

    async def _spend(
        self, session: SessionToken, refresh_token: str, digest: bytes, *, wait: bool
    ) -> SessionTokens | None:
        database = self._parts.database.session(WORKER)
        lease = await database.maybe(queries.lease_refresh, digest=digest, lease_s=LEASE_S, kept_s=KEPT_S)
        if lease is None:
            return await self._spent_by_another(session, digest, wait=wait)
        try:
            answer = await self._parts.client.refresh(refresh_token)
            kept = {"access_token": answer.access_token, "refresh_token": answer.refresh_token or refresh_token}
            tokens = await self._verified(session, kept["access_token"], kept["refresh_token"])
        except (GrantRefusedError, SessionRefusedError):
            await database.execute(queries.keep_refresh, digest=digest, sealed=None, refused=True)
            await self._end(session, "refused")
            raise self._ended("the issuer does not take the refresh token") from None
        except BaseException:
            with suppress(RequestError):
                await database.execute(queries.release_refresh, digest=digest)
            raise
        changed = _may_do_otherwise(session, tokens)
        if changed:
            await self._end(session, "replaced")
        sealed = None if changed else self._seal.close(orjson.dumps(kept)).encode()
        with suppress(RequestError):  # then nobody but this caller goes on
            await database.execute(queries.keep_refresh, digest=digest, sealed=sealed, refused=changed)
            await database.execute(queries.forget_expired_refreshes, count=FORGOTTEN_AT_ONCE)
        REFRESHES.add(1, "renewed")
        return tokens

    async def _spent_by_another(self, session: SessionToken, digest: bytes, *, wait: bool) -> SessionTokens | None:
        """What another request got for the refresh token; None when it has no answer yet and none is waited for."""
        attempts = int(WAIT_S / POLL_S) if wait else 1
        for attempt in range(attempts):
            if attempt:
                await asyncio.sleep(POLL_S)
            row = await self._parts.database.session(WORKER).maybe(queries.refreshed, digest=digest)
            if row is not None and row["refused"]:
                raise self._ended("the issuer did not take the refresh token")
            if row is not None and row["sealed"] is not None:
                content = self._seal.open(bytes(row["sealed"]).decode("ascii"))
                if content is None:
                    break
                kept = orjson.loads(content)
                REFRESHES.add(1, "shared")
                return await self._verified(session, kept["access_token"], kept["refresh_token"])
        if wait:
            raise RequestError("The session is being renewed; try again.", code=UNAVAILABLE)
        return None

    async def _verified(self, session: SessionToken, access_token: str, refresh_token: str) -> SessionTokens:
        """The tokens, when the access token is one for the session's own person."""
        try:
            principal = await self._parts.verifier.verify(access_token)
        except TokenRefusedError as refused:
            raise SessionRefusedError(SessionReason.ACCESS_TOKEN, refused.log or "") from None
        if principal.subject != session.claims.get("sub"):
            raise SessionRefusedError(SessionReason.ACCESS_TOKEN, "the refreshed token is somebody else's")
        return SessionTokens(access_token, refresh_token, principal)

    async def _end(self, session: SessionToken, reason: Reason) -> None:
        sid = session_id(session)
        if sid is not None:
            await self._parts.revocations.revoke_session(sid, reason)

    def _ended(self, why: str) -> SessionRefusedError:
        REFRESHES.add(1, "refused")
        SESSIONS.add(1, SessionReason.EXPIRED.value)
        return SessionRefusedError(SessionReason.EXPIRED, why)


def _may_do_otherwise(session: SessionToken, tokens: SessionTokens) -> bool:
    """Whether the person's privileges are not those that the session began with."""
    return tokens.privileges != session.claims.get("privileges")
