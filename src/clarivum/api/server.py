"""The API as a process: declarations in, a listening server out."""

import asyncio
import contextlib
import functools
import signal
import socket
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, cast

import uvicorn

from clarivum import heap
from clarivum.api.asgi import Api, Serves
from clarivum.api.cors import Cors
from clarivum.api.credentials import session_credentials
from clarivum.api.csrf_token import PATH as CSRF_PATH
from clarivum.api.csrf_token import RATE as CSRF_RATE
from clarivum.api.csrf_token import CsrfTokenEndpoint
from clarivum.api.endpoint import Endpoint
from clarivum.api.http.connection import HttpConnection
from clarivum.api.http.limits import Limits, Unfinished
from clarivum.api.http.peer import Peers
from clarivum.api.http.timekeeper import Timekeeper
from clarivum.api.http.workers import run_workers
from clarivum.api.login.ended import EndedSessions
from clarivum.api.login.paths import STEP_UP
from clarivum.api.openapi.serving import Documentation
from clarivum.api.probes import Check, Probe, alive, metrics, ready
from clarivum.api.resources import Resources
from clarivum.api.route import Route
from clarivum.api.security_headers import TRANSPORT_SECURITY
from clarivum.api.webhook_secrets import webhook_secrets
from clarivum.auth import TokenVerifier
from clarivum.auth.revocation import Revocations
from clarivum.database import Database, Outbox
from clarivum.errors import ConfigurationError, DeclarationError
from clarivum.settings import Environment, Settings
from clarivum.telemetry import configure, get_logger, shutdown

__all__ = ["Check", "Routes", "build_app", "serve"]

log = get_logger(__name__)

Readiness = Callable[[Database], Iterable[Check]]
"""Makes the checks that /readyz asks after the database itself."""

DRAIN_S = 10
BACKLOG = 2_048


class Routes(Protocol):
    """What the API needs of an application."""

    @property
    def name(self) -> str: ...

    @property
    def routes(self) -> Sequence[Route]: ...


def no_further_checks(_database: Database) -> Iterable[Check]:
    return ()


def build_app(
    application: Routes,
    settings: Settings,
    *,
    database: Database | None = None,
    verifier: TokenVerifier | None = None,
    outbox: Outbox | None = None,
    readiness: Readiness = no_further_checks,
) -> Api:
    """Compile every route into an ASGI application.

    `database` and `verifier` are made from the settings unless given; its lifespan opens and closes them. `outbox` is
    where `Transaction.enqueue` puts payloads; `readiness` makes what /readyz asks after the database. Raises
    DeclarationError for routes that contradict each other, ConfigurationError for settings that cannot be used.
    """
    database = database or _database(settings)
    if outbox is not None:
        database.outbox = outbox
    verifier = verifier or TokenVerifier(settings)
    verifier.revocations = revocations = verifier.revocations or Revocations(database)
    resources = Resources(
        database=database,
        verifier=verifier,
        peers=Peers.from_setting(settings.trusted_proxies),
        max_body_bytes=settings.max_body_bytes,
        request_timeout_s=settings.request_timeout_s,
        rate_limits=settings.rate_limits,
        sessions=session_credentials(settings, verifier),
        revocations=revocations,
        step_up_path=STEP_UP if settings.login_client_id else None,
        webhook_secrets=webhook_secrets(application.routes, settings),
    )
    login = tuple(_login(settings, resources))
    checks = (Check("database", database.ping), *readiness(database))
    targets = [*_compiled(application.routes, resources), *_platform(application, checks, resources), *login]
    cors = Cors.from_setting(settings.cors_origins, https_only=settings.environment is Environment.PRODUCTION)
    return Api(targets, open=resources.open, close=resources.close, cors=cors)


def serve(
    application: Routes,
    settings: Settings,
    *,
    workers: int = 1,
    outbox: Outbox | None = None,
    readiness: Readiness = no_further_checks,
) -> None:
    """Listen on the settings' host and port until SIGTERM or SIGINT, then drain for at most DRAIN_S seconds.

    `workers` processes share the port, and each answers /metrics for all. Raises what build_app and Database.open
    raise, before anything listens, and ConfigurationError when the address cannot be had.
    """
    listener = _listen(settings)
    run = functools.partial(_run, application, settings, listener, outbox, readiness)
    if workers == 1:
        run()
    else:
        with tempfile.TemporaryDirectory(prefix="clarivum-metrics-") as shared:
            run_workers(functools.partial(run, metrics_directory=Path(shared)), workers)


def _run(
    application: Routes,
    settings: Settings,
    listener: socket.socket,
    outbox: Outbox | None,
    readiness: Readiness,
    *,
    metrics_directory: Path | None = None,
) -> None:
    configure(settings, role="api", metrics_directory=metrics_directory)
    try:
        app = build_app(application, settings, outbox=outbox, readiness=readiness)
        server = Server(server_config(app, settings))
        host, port = listener.getsockname()[:2]
        log.info("listening", host=host, port=port, routes=len(application.routes))
        try:
            server.run(sockets=[listener])
        except SystemExit:  # how uvicorn says that the lifespan failed
            if app.failure is None:
                raise
            raise app.failure from None
    finally:
        shutdown()


class Server(uvicorn.Server):
    """uvicorn's server, kinder to the garbage collector and to the rest of the process."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What start-up made lives as long as the process. A full collection that walks it again stops every request for
        # 40 ms; measured under load: p99 5 ms instead of 40.
        heap.keep()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Unlike uvicorn's, do not raise the signal again after draining: telemetry is flushed after that."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def server_config(app: Any, settings: Settings, limits: Limits | None = None) -> uvicorn.Config:
    """uvicorn with our protocol, and without what is done elsewhere: access log, proxy headers, Date."""
    limits = limits or Limits(max_body_bytes=settings.max_body_bytes, receive_timeout_s=settings.receive_timeout_s)
    standing_lines = TRANSPORT_SECURITY if settings.is_served_over_tls else b""
    timekeeper = Timekeeper(limits.tick_s, standing_lines)
    protocol = functools.partial(HttpConnection, limits=limits, timekeeper=timekeeper, unfinished=Unfinished())
    return uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], protocol),
        ws="none",
        loop="uvloop",
        lifespan="on",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=DRAIN_S,
        backlog=BACKLOG,
    )


def _compiled(routes: Iterable[Route], resources: Resources) -> Iterator[tuple[str, str, Serves]]:
    names: dict[str, Route] = {}
    for route in routes:
        if route.name in names:
            raise DeclarationError(f"{route.where} and {names[route.name].where} have one name, {route.name!r}")
        names[route.name] = route
        yield route.method, route.path, Endpoint(route, resources)


def _platform(application: Routes, checks: Sequence[Check], resources: Resources) -> Iterator[tuple[str, str, Serves]]:
    documentation = Documentation(application, resources.answering)
    for path in ("/openapi.json", "/docs"):
        yield "GET", path, documentation
    for path, answer in (("/healthz", alive), ("/readyz", ready(checks)), ("/metrics", metrics)):
        yield "GET", path, Probe(path, answer, resources.answering)
    if resources.sessions is not None:
        limiter = resources.limiter(CSRF_RATE, CSRF_PATH)
        endpoint = CsrfTokenEndpoint(resources.sessions, resources.peers, resources.audit, limiter, resources.answering)
        yield "GET", CSRF_PATH, endpoint


def _login(settings: Settings, resources: Resources) -> Iterator[tuple[str, str, Serves]]:
    """Sessions that can be ended, and the paths of our own login where the settings name a client."""
    if resources.sessions is not None and resources.revocations is not None:
        resources.sessions.refuse_revoked = EndedSessions(resources.revocations)
    if settings.login_client_id is not None:
        from clarivum.api.login.assembly import login_targets  # noqa: PLC0415 - loads Authlib

        yield from login_targets(settings, resources)


def _database(settings: Settings) -> Database:
    if settings.database_url is None:
        raise ConfigurationError("DATABASE_URL is missing: the API needs a database")
    return Database(
        settings.database_url.get_secret_value(),
        pipelines=settings.database_pipelines,
        connections=settings.database_connections,
        application_name=f"{settings.service_name}-api",
    )


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"CLARIVUM_HOST and CLARIVUM_PORT: {settings.host}:{settings.port} cannot be had ({error.strerror})"
        ) from None
    listener.set_inheritable(True)
    return listener
