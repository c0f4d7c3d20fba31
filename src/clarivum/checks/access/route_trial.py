"""Call every route as every caller, with real tokens, in this process, on a scratch database.

Router, guard, contract, handler and session are those that serve; only the handler is watched, so that a refusal by
the guard can be told from one by the database. Handlers run for real: what they change stays in the scratch database,
which is thrown away.
"""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson
from pydantic import SecretStr

from clarivum import telemetry
from clarivum.api import Route
from clarivum.api.server import build_app
from clarivum.application import Application
from clarivum.auth import TokenVerifier
from clarivum.auth.standin import StandIn
from clarivum.checks.access.example_requests import ExampleRequest, bare_request, example_request
from clarivum.checks.access.matrix import ALLOWED, BY_HANDLER, REFUSALS, RouteCell, RouteTrial
from clarivum.checks.access.personas import Persona
from clarivum.database import DatabaseError
from clarivum.errors import MFA_REQUIRED
from clarivum.jobs import outbox
from clarivum.settings import Settings

DEADLINE_S = 20.0
LIFETIME_S = 3_600
DENIED = "42501"
DENIED_STATUS = frozenset({401, 403})


@dataclass(frozen=True, slots=True)
class Watched:
    """The routes with handlers that note whether they were reached, and what they raised."""

    name: str
    routes: Sequence[Route]


class Watch:
    """What the handler of the request under way did."""

    def __init__(self) -> None:
        self.reached = False
        self.error: Exception | None = None

    def over(self, route: Route) -> Route:
        """The same route, its handler watched."""
        inner: Callable[..., Awaitable[Any]] = route.handler

        async def handler(**values: Any) -> Any:
            self.reached, self.error = True, None
            try:
                return await inner(**values)
            except Exception as error:
                self.error = error
                raise

        return replace(route, handler=handler)


def try_routes(application: Application, personas: Sequence[Persona], app_url: str) -> list[RouteTrial]:
    """Call each route once per persona that makes requests, and once more without a second factor.

    `app_url` is the serving login's, of a scratch database. Raises DeclarationError when the routes contradict each
    other.
    """
    settings = Settings.load({"CLARIVUM_LOG_LEVEL": "error", "OTEL_SDK_DISABLED": "true"})
    settings = settings.model_copy(update={"database_url": SecretStr(app_url), "rate_limits": False})
    telemetry.configure(settings, role="cli")
    try:
        with tempfile.TemporaryDirectory(prefix="clarivum-access-") as folder:
            stand_in = StandIn(settings, Path(folder))
            return asyncio.run(_try_all(application, personas, settings, stand_in))
    finally:
        telemetry.shutdown()


async def call_once(
    application: Application, route: Route, settings: Settings, verifier: TokenVerifier, token: str
) -> RouteCell:
    """Call one route with a token of the caller's own. `settings` name a scratch database."""
    watch = Watch()
    watched = Watched(application.name, [watch.over(each) for each in application.routes])
    app: Any = build_app(watched, settings, verifier=verifier, outbox=outbox(application.jobs.values()))
    async with Serving(app) as serving:
        return await serving.call(example_request(route).keyed("access-explain"), token, watch)


async def _try_all(
    application: Application, personas: Sequence[Persona], settings: Settings, stand_in: StandIn
) -> list[RouteTrial]:
    async def published(_url: str) -> bytes:
        return orjson.dumps(stand_in.key_set())

    watch = Watch()
    watched = Watched(application.name, [watch.over(route) for route in application.routes])
    verifier = TokenVerifier(settings, fetch=published)
    app: Any = build_app(watched, settings, verifier=verifier, outbox=outbox(application.jobs.values()))
    issue = _Issuing(stand_in, _scopes_of(application.routes)).token
    tokens = {persona.name: issue(persona, mfa=True) for persona in personas if persona.calls}
    weaker = {persona.name: issue(persona, mfa=False) for persona in personas if persona.calls}
    async with Serving(app) as serving:
        found = []
        for number, route in enumerate(application.routes, 1):
            cells: dict[str, RouteCell] = {}
            demands_mfa, example = False, example_request(route)
            for persona, token in tokens.items():
                request = example.keyed(f"access-{number}-{persona.replace(' ', '-')}")
                cells[persona] = await serving.call(request, token, watch)
                if cells[persona].let_in and token is not None and not demands_mfa:
                    again = await serving.call(request, weaker[persona], watch)
                    demands_mfa = again.outcome == MFA_REQUIRED.name
            found.append(RouteTrial(f"{route.method} {route.path}", cells, demands_mfa))
        own = {(route.method, route.path) for route in application.routes}
        for method, path in app.paths:
            if (method, path) not in own:
                found.append(await _try_platform(serving, bare_request(method, path), tokens))
        return found


async def _try_platform(serving: "Serving", request: ExampleRequest, tokens: Mapping[str, str | None]) -> RouteTrial:
    """One of the platform's own paths: whoever is not refused is let in, whether or not there is anything to answer."""
    cells = {}
    for persona, token in tokens.items():
        cell = await serving.call(request, token, Watch())
        cells[persona] = cell if cell.outcome in REFUSALS else replace(cell, outcome=ALLOWED)
    return RouteTrial(f"{request.method} {request.path}", cells)


def _scopes_of(routes: Sequence[Route]) -> tuple[str, ...]:
    """The scopes that routes name, for any caller or for machines."""
    named = (route.access.machine_scope for route in routes)
    return tuple(dict.fromkeys(scope for scope in named if scope is not None))


@dataclass(frozen=True, slots=True)
class _Issuing:
    """Makes the tokens of the personas; `scopes` go into each of them."""

    stand_in: StandIn
    scopes: Sequence[str]

    def token(self, persona: Persona, *, mfa: bool) -> str | None:
        principal = persona.principal
        if principal is None or principal.subject is None:
            return None
        if persona.is_machine:
            client = principal.subject.removesuffix("@clients")
            return self.stand_in.issue_to_machine(client, LIFETIME_S, scopes=self.scopes, roles=[persona.role])
        return self.stand_in.issue(
            principal.subject, [persona.role], principal.email, LIFETIME_S, scopes=self.scopes, mfa=mfa
        )


class Serving:
    """An ASGI application between start-up and shutdown."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._lifespan: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Serving":
        self._lifespan = asyncio.create_task(self._app({"type": "lifespan"}, self._to_app.get, self._from_app.put))
        await self._to_app.put({"type": "lifespan.startup"})
        answer = await self._from_app.get()
        if answer["type"] != "lifespan.startup.complete":
            await self._lifespan
            raise self._app.failure
        return self

    async def __aexit__(self, *exc: object) -> None:
        assert self._lifespan is not None
        await self._to_app.put({"type": "lifespan.shutdown"})
        await asyncio.wait_for(self._lifespan, DEADLINE_S)

    async def call(self, request: ExampleRequest, token: str | None, watch: Watch) -> RouteCell:
        """Send a request and read off its answer what became of it."""
        watch.reached, watch.error = False, None
        status, body = await asyncio.wait_for(self._send(request, token), DEADLINE_S)
        code = str(_code(body)) if status >= 400 else ""
        return read_answer(status, code, watch)

    async def _send(self, request: ExampleRequest, token: str | None) -> tuple[int, bytes]:
        headers = [*request.headers]
        if token is not None:
            headers.append((b"authorization", b"Bearer " + token.encode("ascii")))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": request.path.encode("ascii"),
            "query_string": request.query.encode("ascii"),
            "headers": headers,
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        await inbox.put({"type": "http.request", "body": request.body, "more_body": False})
        status, body = 0, bytearray()

        async def send(message: Mapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            body.extend(message.get("body", b""))

        await self._app(scope, inbox.get, send)
        return status, bytes(body)


def read_answer(status: int, code: str, watch: Watch) -> RouteCell:
    """What an answer means, knowing whether the handler was reached and what it raised."""
    if not watch.reached:
        return RouteCell(code if status >= 400 else ALLOWED, status, reached=False)
    denied = isinstance(watch.error, DatabaseError) and watch.error.sqlstate == DENIED
    # Statements that ride with COMMIT fail after the handler; nothing else answers 401 or 403 from there.
    if denied or (watch.error is None and status in DENIED_STATUS):
        return RouteCell("refused by the database", status, reached=True, database=DENIED)
    if status >= 500:
        return RouteCell(f"failed ({code})", status, reached=True)
    # What the handler answers after the guard (not found, a conflict) is its business, unless it refuses the caller.
    return RouteCell(f"{code}{BY_HANDLER}" if code in REFUSALS else ALLOWED, status, reached=True)


def _code(body: bytes) -> object:
    try:
        return orjson.loads(body).get("code", "?")
    except (orjson.JSONDecodeError, AttributeError):
        return "?"
