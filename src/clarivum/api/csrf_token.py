"""GET /auth/csrf: how a page gets the token that it sends back in `x-csrf-token` with every change."""

import orjson

from clarivum.api.access import Rate
from clarivum.api.credentials import SessionCredentials
from clarivum.api.exchange import failed, finish, observe
from clarivum.api.http.peer import Peers
from clarivum.api.rate_limit import RateLimiter, take_by_address
from clarivum.api.refusals import REFUSALS, note_refusal
from clarivum.api.request import headers_of
from clarivum.api.response import JSON_HEAD, Receive, Response, Scope, Send
from clarivum.auth.audit import AuditRecorder

PATH = "/auth/csrf"
RATE = Rate.parse("600/minute")
"""Per address: behind one there may be a whole office, and each page asks once."""


class CsrfTokenEndpoint:
    """Answers `{"csrf_token": …}` and sets the cookie that goes with it. Needs a session; never cached."""

    def __init__(
        self, sessions: SessionCredentials, peers: Peers, audit: AuditRecorder, limiter: RateLimiter | None
    ) -> None:
        self._sessions = sessions
        self._audit = audit
        self._peers = peers
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        headers = headers_of(scope)
        observation = observe(scope, headers, PATH)
        error_type: str | Exception | None = None
        standing: list[bytes] = []
        try:
            await take_by_address(self._limiter, self._peers, scope, headers, standing)
            token, cookie = await self._sessions.csrf_token(headers)
            head = JSON_HEAD + b"set-cookie: %b\r\n" % cookie.encode("ascii")
            response = Response(200, head, orjson.dumps({"csrf_token": token}))
        except Exception as error:
            response, error_type = failed(error, scope, observation)
            if response.status in REFUSALS:
                note_refusal(self._audit, error, f"GET {PATH}", observation.trace_id_hex)
        await finish(scope, send, observation, response, error_type=error_type, extra_head=b"".join(standing))
