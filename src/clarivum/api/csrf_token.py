"""GET /auth/csrf: how a page gets the token that it sends back in `x-csrf-token` with every change."""

import orjson

from clarivum.api.access import Rate
from clarivum.api.answering import Answering, Asked
from clarivum.api.credentials import SessionCredentials
from clarivum.api.http.peer import Peers
from clarivum.api.rates.limiter import RateLimiter, take_by_address
from clarivum.api.refusals import REFUSALS, note_refusal
from clarivum.api.response import JSON_HEAD, Receive, Response, Scope, Send
from clarivum.auth.audit import AuditRecorder

PATH = "/auth/csrf"
RATE = Rate.parse("600/minute")
"""Per address: behind one there may be a whole office, and each page asks once."""


class CsrfTokenEndpoint:
    """Answers `{"csrf_token": …}` and sets the cookie that goes with it. Needs a session; never cached."""

    def __init__(
        self,
        sessions: SessionCredentials,
        peers: Peers,
        audit: AuditRecorder,
        limiter: RateLimiter | None,
        answering: Answering,
    ) -> None:
        self._sessions = sessions
        self._audit = audit
        self._peers = peers
        self._limiter = limiter
        self._answering = answering

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        async def answer(asked: Asked) -> Response:
            await take_by_address(self._limiter, self._peers, scope, asked.headers, asked.standing)
            token, cookie = await self._sessions.csrf_token(asked.headers)
            head = JSON_HEAD + b"set-cookie: %b\r\n" % cookie.encode("ascii")
            return Response(200, head, orjson.dumps({"csrf_token": token}))

        await self._answering.answer(scope, send, PATH, answer, refused=self._refused)

    def _refused(self, error: Exception, response: Response, asked: Asked) -> None:
        if response.status in REFUSALS:
            note_refusal(self._audit, error, f"GET {PATH}", asked.trace_id)
