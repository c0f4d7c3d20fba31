"""Whether a session was ended before it expired. What its access token says is asked of the verifier, beside this."""

from clarivum.api.login.session import session_id
from clarivum.auth.cookies import SessionReason, SessionRefusedError, SessionToken
from clarivum.auth.instruments import SESSIONS
from clarivum.auth.revocation import Revocations


class EndedSessions:
    """Refuses sessions whose person signed out everywhere, and those that another session took the place of."""

    def __init__(self, revocations: Revocations) -> None:
        self._revocations = revocations

    async def __call__(self, session: SessionToken) -> None:
        """Raises SessionRefusedError (401 `invalid_session`), RequestError `unavailable` when nobody can say."""
        sid = session_id(session)
        if sid is None:
            return
        signed_in_at, subject = session.claims["signed_in_at"], session.claims.get("sub")
        ended = await self._revocations.is_revoked("session", sid, signed_in_at)
        if not ended and isinstance(subject, str):
            ended = await self._revocations.is_revoked("subject", subject, signed_in_at)
        if ended:
            SESSIONS.add(1, SessionReason.REVOKED.value)
            raise SessionRefusedError(SessionReason.REVOKED, "it was ended, here or in another browser")
