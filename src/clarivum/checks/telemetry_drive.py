"""Drive every route and every job in this process and collect what the exporters were given.

The server, the worker and the exporters are the real ones, on a scratch database. Each route gets a request whose token
it must refuse; each job gets a message through its own queue, with a handler that does nothing in place of its own. So
no handler of the application runs, and nothing leaves the process.
"""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import SecretStr, create_model

from clarivum import telemetry
from clarivum.api import Route
from clarivum.api.server import build_app
from clarivum.application import Application
from clarivum.database import WORKER, Database
from clarivum.jobs import Job, Payload, Run
from clarivum.jobs.options import WorkerOptions
from clarivum.jobs.transports.queues import ensure_queues
from clarivum.jobs.worker.worker import Worker, connections_for
from clarivum.settings import Settings

DEADLINE_S = 10.0
POLL_S = 0.005
WANTED_VARIABLES = ("OTEL_SDK_DISABLED", "OTEL_TRACES_SAMPLER", "OTEL_TRACES_SAMPLER_ARG", "OTEL_RESOURCE_ATTRIBUTES")
SAMPLE = re.compile(r"^(?P<name>\w+)_count\{(?P<labels>.*)\} (?P<count>\S+)$")
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
REQUEST_METRIC = "http_server_request_duration_seconds"
PROCESS_METRIC = "messaging_process_duration_seconds"

Series = tuple[str, frozenset[tuple[str, str]]]


@dataclass(slots=True)
class Exported:
    """Names of the spans that came out, and the histograms that counted something."""

    spans: frozenset[tuple[str, str]] = frozenset()
    """Kind and name: `("SERVER", "GET /healthz")`."""
    histograms: frozenset[Series] = frozenset()

    def missing_of_route(self, method: str, path: str) -> list[str]:
        """What a request to a route should have left behind and did not."""
        labels = {("http_request_method", method), ("http_route", path)}
        return self._missing(("SERVER", f"{method} {path}"), REQUEST_METRIC, labels)

    def missing_of_job(self, job: str, queue: str) -> list[str]:
        """What a message to a job should have left behind and did not."""
        labels = {("clarivum_job_name", job), ("messaging_destination_name", queue)}
        return self._missing(span_of(queue), PROCESS_METRIC, labels)

    def _missing(self, span: tuple[str, str], metric: str, labels: set[tuple[str, str]]) -> list[str]:
        found = any(name == metric and labels <= given for name, given in self.histograms)
        return [*([] if span in self.spans else [f"span {span[1]!r}"]), *([] if found else [f"metric {metric}"])]


def span_of(queue: str) -> tuple[str, str]:
    """Kind and name of the span that an attempt at a job leaves."""
    return "CONSUMER", f"process {queue}"


@dataclass(slots=True)
class _Recorder:
    """A span processor of the OpenTelemetry SDK, by its methods."""

    spans: set[tuple[str, str]] = field(default_factory=set)

    def on_end(self, span: Any) -> None:
        self.spans.add((span.kind.name, span.name))

    def shutdown(self) -> None:
        """Nothing is held back."""


def drive(application: Application, admin_url: str, app_url: str, environ: Mapping[str, str]) -> Exported:
    """Call every route and work on every job's queue; of `environ` only what switches telemetry is read.

    Raises DeclarationError when the routes contradict each other.
    """
    given = {name: environ[name] for name in WANTED_VARIABLES if name in environ}
    settings = Settings.load({**given, "CLARIVUM_LOG_LEVEL": "error"})
    settings = settings.model_copy(update={"database_url": SecretStr(app_url)})
    jobs = [_harmless(job) for job in application.jobs.values()]
    ensure_queues(admin_url, jobs)
    before = _counts(telemetry.render_prometheus())
    recorder: Any = _Recorder()
    telemetry.configure(settings, role="cli", extra_span_processors=[recorder])
    try:
        asyncio.run(_drive_all(application, settings, app_url, jobs, recorder))
        after = _counts(telemetry.render_prometheus())
    finally:
        telemetry.shutdown()
    counted = frozenset(series for series, count in after.items() if count > before.get(series, 0.0))
    return Exported(frozenset(recorder.spans), counted)


async def _drive_all(
    application: Application, settings: Settings, app_url: str, jobs: Sequence[Job[Any]], recorder: _Recorder
) -> None:
    await _call_all(application, settings)
    if jobs:
        await _work_all(app_url, jobs, recorder)


async def _call_all(application: Application, settings: Settings) -> None:
    app: Any = build_app(application, settings)
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    lifespan = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    await from_app.get()
    for route in application.routes:
        await _call(app, route)
    await to_app.put({"type": "lifespan.shutdown"})
    await asyncio.wait_for(lifespan, DEADLINE_S)


async def _call(app: Any, route: Route) -> None:
    """One request with a token that cannot be accepted: it is refused before the handler."""
    path = re.sub(r"\{\w+\}", "1", route.path)
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": route.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"check"), (b"authorization", b"Bearer not-a-token")],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    body: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    await body.put({"type": "http.request", "body": b"", "more_body": False})

    async def send(message: Mapping[str, Any]) -> None:
        """The answer is not of interest."""

    await asyncio.wait_for(app(scope, body.get, send), DEADLINE_S)


async def _work_all(app_url: str, jobs: Sequence[Job[Any]], recorder: _Recorder) -> None:
    options = WorkerOptions(concurrency=4, poll_s=0.05, grace_s=1.0)
    connections = connections_for(options, len(jobs))
    async with Database(app_url, connections=connections, application_name="clarivum check") as database:
        worker = Worker(jobs, database, options)
        async with database.session(WORKER).transaction() as tx:
            for job in jobs:
                await tx.enqueue(job.payload(key="check"))
        stop = asyncio.Event()
        working: asyncio.Task[None] = asyncio.create_task(worker.run(stop))
        done = asyncio.create_task(_all_attempted(jobs, recorder))
        await asyncio.wait({working, done}, timeout=DEADLINE_S, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        done.cancel()
        await working


async def _all_attempted(jobs: Sequence[Job[Any]], recorder: _Recorder) -> None:
    """Until each job's handler was reached, or an attempt at it has left its span."""
    waiting = list(jobs)
    while waiting:
        await asyncio.sleep(POLL_S)
        waiting = [job for job in waiting if not (_is_reached(job) or span_of(job.queue) in recorder.spans)]


def _is_reached(job: Job[Any]) -> bool:
    assert isinstance(job.handler, _Nothing)
    return job.handler.reached


class _Nothing:
    """A handler that only notes that it was reached."""

    def __init__(self) -> None:
        self.reached = False

    async def __call__(self, payload: Payload, run: Run) -> None:
        self.reached = True


def _harmless(job: Job[Any]) -> Job[Any]:
    """The same declaration (name, queue, timeout, retries) with a payload and a handler that do nothing."""
    payload = create_model(f"Check{job.payload.__name__}", __base__=Payload, key=(str, ...))
    return replace(job, payload=payload, key="key", handler=_Nothing(), schedule=None, batch=1)


def _counts(page: bytes) -> dict[Series, float]:
    """The histograms of a Prometheus page and how often each was recorded."""
    found: dict[Series, float] = {}
    for line in page.decode().splitlines():
        sample = SAMPLE.match(line)
        if sample:
            found[sample["name"], frozenset(LABEL.findall(sample["labels"]))] = float(sample["count"])
    return found
