"""Which other origins' pages may read answers (Fetch standard, CORS protocol). Nobody's, unless the settings name them.

A listed origin may send credentials; a change made with a session cookie still needs CLARIVUM_ALLOWED_ORIGINS and the
CSRF token. `*` cannot be listed: it would let every page read what visitors may.
"""

from clarivum.api.exchange import finish, observe
from clarivum.api.request import headers_of
from clarivum.api.response import API_HEAD, WHOLE_RESPONSE, Response, Scope, Send
from clarivum.api.security_headers import header_lines
from clarivum.auth.csrf import HEADER as CSRF_HEADER
from clarivum.auth.origins import Origin, listed_origins, parse_origin

ALLOWED_HEADERS = (
    "authorization", "content-type", "idempotency-key", "if-match", CSRF_HEADER, "traceparent", "tracestate",
)  # fmt: skip
EXPOSED_HEADERS = (
    "etag", "idempotency-replayed", "location", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset",
    "retry-after", "x-request-id",
)  # fmt: skip
PREFLIGHT_KEPT_S = 600
VARY = b"vary: origin\r\n"


class Cors:
    """Adds to answers what a listed origin's page needs to read them, and answers its preflight requests."""

    def __init__(self, origins: frozenset[Origin]) -> None:
        self._origins = origins
        self._preflight = VARY + header_lines(
            {
                "access-control-allow-headers": ", ".join(ALLOWED_HEADERS),
                "access-control-max-age": str(PREFLIGHT_KEPT_S),
            }
        )

    @classmethod
    def from_setting(cls, text: str, *, https_only: bool) -> "Cors | None":
        """For those that CLARIVUM_CORS_ORIGINS lists; None for an empty text: closed. Raises ConfigurationError."""
        origins = listed_origins(text, "CLARIVUM_CORS_ORIGINS", https_only=https_only)
        return cls(origins) if origins else None

    async def admit(self, methods: str, scope: Scope, send: Send) -> tuple[Scope, Send] | None:
        """The request as it goes on, its answer with our lines; None when it was a preflight, which is answered.

        `methods` are those the path answers, "" when there is no such path: then whoever looks for it says so.
        """
        lines = self._lines(scope)
        asks = lines is not VARY and scope["method"] == "OPTIONS" and methods
        if asks and b"access-control-request-method" in (headers := headers_of(scope)):
            observation = observe(scope, headers, None)
            head = lines.replace(VARY, b"") + self._preflight + header_lines({"access-control-allow-methods": methods})
            await finish(scope, send, observation, Response(204, API_HEAD + head, b""))
            return None
        return _with_lines(lines, scope, send)

    def _lines(self, scope: Scope) -> bytes:
        """What the answer carries: for an origin that is not listed, only that another one might get more."""
        sent = [value for name, value in scope["headers"] if name == b"origin"]
        if len(sent) != 1 or parse_origin(sent[0].decode("latin-1")) not in self._origins:
            return VARY
        return VARY + header_lines(
            {
                "access-control-allow-origin": sent[0].decode("ascii"),
                "access-control-allow-credentials": "true",
                "access-control-expose-headers": ", ".join(EXPOSED_HEADERS),
            }
        )


def _with_lines(lines: bytes, scope: Scope, send: Send) -> tuple[Scope, Send]:
    """The same request, whose answer carries these lines as well."""
    whole = scope.get("extensions", {}).get(WHOLE_RESPONSE)
    if whole is not None:
        extensions = {
            **scope["extensions"],
            WHOLE_RESPONSE: lambda status, head, body: whole(status, head + lines, body),
        }
        return {**scope, "extensions": extensions}, send
    pairs = [tuple(line.split(b": ", 1)) for line in lines.split(b"\r\n")[:-1]]

    async def send_more(message: Scope) -> None:
        if message["type"] == "http.response.start":
            message = {**message, "headers": [*message["headers"], *pairs]}
        await send(message)

    return scope, send_more
