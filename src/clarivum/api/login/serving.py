"""What the paths of the login have in common: a rate per address, an observation, one answer."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from clarivum.api.access import Rate
from clarivum.api.answering import Answering, Asked
from clarivum.api.http.peer import Peers
from clarivum.api.rates.limiter import RateLimiter, take_by_address
from clarivum.api.refusals import REFUSALS, note_refusal
from clarivum.api.request import Headers
from clarivum.api.response import API_HEAD, Receive, Response, Scope, Send, header_lines
from clarivum.auth.audit import AuditRecorder, Kind
from clarivum.auth.cookies import Cookie, parse_cookies
from clarivum.errors import INVALID_PARAMETER, RequestError, Violation

RATE = Rate.parse("60/minute")
MAX_QUERY_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Visit:
    """A request to one of the paths. `parameters` are the query's, each there once."""

    method: str
    trace_id: str
    headers: Headers
    cookies: list[Cookie]
    parameters: Mapping[str, str]

    @property
    def cookie_names(self) -> list[str]:
        return [name for name, _ in self.cookies]

    def cookie(self, name: str) -> str | None:
        """The value of a cookie that is there exactly once."""
        values = [value for found, value in self.cookies if found == name]
        return values[0] if len(values) == 1 else None


Answer = Callable[[Visit, list[str]], Awaitable[Response]]
"""Answers a visit; the list gets Set-Cookie values, which a failure's answer carries as well."""


class LoginEndpoint:
    """Serves one path of the login. `parameters` are those it knows; none named means that it reads what it likes.

    `signs_in`: what it refuses is a sign-in that failed.
    """

    def __init__(
        self,
        path: str,
        answer: Answer,
        peers: Peers,
        audit: AuditRecorder,
        answering: Answering,
        *,
        parameters: frozenset[str] = frozenset(),
        limiter: RateLimiter | None = None,
        signs_in: bool = False,
    ) -> None:
        self._path = path
        self._answer = answer
        self._peers = peers
        self._audit = audit
        self._answering = answering
        self._kind: Kind = "sign_in" if signs_in else "refusal"
        self._refusals = {*REFUSALS, 400} if signs_in else REFUSALS
        self._parameters = parameters
        self._limiter = limiter

    async def __call__(self, scope: Scope, receive: Receive, send: Send, path_values: dict[str, bytes]) -> None:
        async def answer(asked: Asked) -> Response:
            set_cookies: list[str] = []
            try:
                await take_by_address(self._limiter, self._peers, scope, asked.headers, asked.standing)
                parameters = _parameters(scope["query_string"], self._parameters)
                cookies = parse_cookies(asked.headers.get(b"cookie", b""))
                visit = Visit(scope["method"], asked.trace_id, asked.headers, cookies, parameters)
                return await self._answer(visit, set_cookies)
            finally:
                asked.standing.append(cookie_lines(set_cookies))

        def refused(error: Exception, response: Response, asked: Asked) -> None:
            if response.status in self._refusals:
                note_refusal(self._audit, error, f"{scope['method']} {self._path}", asked.trace_id, kind=self._kind)

        await self._answering.answer(scope, send, self._path, answer, refused=refused)


def redirect(location: str) -> Response:
    """303: the browser goes there with a GET, whatever it came with."""
    return Response(303, API_HEAD + header_lines({"location": location}), b"")


def cookie_lines(set_cookies: list[str]) -> bytes:
    """Header lines of Set-Cookie values."""
    return b"".join(b"set-cookie: %b\r\n" % value.encode("ascii") for value in set_cookies)


def _parameters(query: bytes, known: frozenset[str]) -> dict[str, str]:
    """The query's parameters. Raises RequestError 422 for one that is repeated, unknown or not UTF-8."""
    if len(query) > MAX_QUERY_BYTES:
        raise _bad("query", f"is longer than {MAX_QUERY_BYTES} bytes")
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError:
        raise _bad("query", "is no form-encoded UTF-8 of at most 20 parameters") from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        repeated = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise _bad(repeated, "is given more than once")
    for name in parameters:
        if known and name not in known:
            raise _bad(name, f"is not a parameter here; those are {', '.join(sorted(known))}")
    return parameters


def _bad(name: str, what: str) -> RequestError:
    shown = name if name.isascii() and name.isprintable() and len(name) <= 40 else "?"
    return RequestError(
        "The query cannot be used.",
        code=INVALID_PARAMETER,
        violations=[Violation(f"query:{shown}", f"The parameter {what}", "invalid")],
    )
