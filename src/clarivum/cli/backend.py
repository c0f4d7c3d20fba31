"""The parts that `up` runs, in the order in which they need each other."""

import http.client
import os
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import typer

from clarivum.application import Application, load_application
from clarivum.cli import leftovers
from clarivum.cli.kept_secret import AUTH_SECRET_FILE, WEBHOOK_SECRET_FILE, kept_secret
from clarivum.cli.place import ROOT, Running
from clarivum.cli.processes import Child, start, wait_until
from clarivum.cli.push_refusals import refuse_pending
from clarivum.cli.steps import Steps
from clarivum.database.migrations.push import push, seed
from clarivum.database.provision import APP_LOGIN, login_facts, provision, provision_login
from clarivum.database.security_floor import refuse_outdated_server
from clarivum.database.server.embedded import EmbeddedServer
from clarivum.errors import RefusedError
from clarivum.jobs.worker import watchdog
from clarivum.settings import Environment, Settings

START_TIMEOUT_S = 30.0
GRACE_S = 12.0
WORKER = "worker"
WORKER_READY = b"worker ready"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for."""

    port: int
    data: Path
    reset: bool
    confirmed: bool
    postgres: int


@dataclass(frozen=True, slots=True)
class Urls:
    """How to reach the database: as the login that may change the schema, and as the one that serves."""

    admin: str
    app: str


class Backend:
    """Starts the parts and stops them in reverse. What has started is stopped whatever happens afterwards."""

    def __init__(self, settings: Settings, options: Options, steps: Steps, stack: ExitStack) -> None:
        self.settings = settings
        self.options = options
        self.steps = steps
        self.children: list[Child] = []
        self._stack = stack
        self._server: EmbeddedServer | None = None

    def __enter__(self) -> "Backend":
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing of its own: each part registered its end with the stack."""

    def start(self) -> None:
        """Start every part. Raises DependencyDownError with the end of a log when one does not come up."""
        data = self.options.data
        data.mkdir(parents=True, exist_ok=True)
        leftovers.end(data)
        # What takes long to import starts first and is waited for last.
        identity = self._start("identity", ["identity"], self._environment()) if self.settings.uses_stand_in else None
        application = load_application(self.settings.application)
        urls = self._database()
        self._migrate(urls, application)
        environment = {**self._environment(), **self._login(), "DATABASE_URL": urls.app}
        worker = self._start(WORKER, ["jobs", "work"], environment)
        api = self._start("api", ["serve"], environment)
        if identity is not None:
            self._await_identity(identity)
        self._await_api(api)
        self._await_worker(worker, application)
        self._stack.callback(Running.remove, data)
        Running(os.getpid(), self.api_url, self.identity_url, urls.app, urls.admin).write(data)

    def check(self) -> None:
        """Start Postgres again if it crashed, and a worker whose watchdog gave up on a job.

        Raises DependencyDownError when another part has ended by itself.
        """
        if self._server is not None and not self._server.running:
            typer.echo("  Postgres ended by itself; starting it again", err=True)
            self._server.start(self._server.port)
        for child in self.children:
            if child.name == WORKER and child.process.poll() == watchdog.EXIT_CODE:
                typer.echo("  the worker ended because a job would not; starting it again", err=True)
                child.start_again()
                self._note_children()
            child.check()

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.options.port}"

    @property
    def identity_url(self) -> str | None:
        if not self.settings.uses_stand_in:
            return None
        return f"http://127.0.0.1:{self.options.port + 1}/"

    def announce(self, seconds: float) -> None:
        """Say that it is ready, with lines to paste."""
        api = self.api_url.replace("127.0.0.1", "localhost")
        data = "" if self.options.data == ROOT / ".clarivum" else f" --data {self.options.data}"
        routes = {f"{route.method} {route.path}" for route in load_application(self.settings.application).routes}
        lines = "\n".join(
            f"    {line}" for route, line in _lines_to_paste(api, data) if route is None or route in routes
        )
        profile = "/api/v1/profile" if "GET /api/v1/profile" in routes else "/docs"
        typer.echo(f"""  Ready in {seconds:.1f} s. Try it:

{lines}
{self._in_a_browser(api, profile)}
  Logs in {self._logs}. Ctrl-C stops everything.""")

    # -- the parts -------------------------------------------------------------------------------------------------
    def _database(self) -> Urls:
        if self.settings.database_url is not None:
            return self._foreign_database(self.settings.database_url.get_secret_value())
        with self.steps.step(f"Postgres {self.options.postgres}") as step:
            server = EmbeddedServer(self.options.data, self.options.postgres)
            if self.options.reset:
                self._confirm(f"every row under {self.options.data}")
                server.destroy()
            self._stack.callback(server.stop)
            server.start()
            provision(server.admin_url())
            app = provision_login(server.admin_url(), server.app_password)
            step.detail = f"{_shown(server.cluster)}, port {server.port}"
        self._server = server
        return Urls(server.admin_url(), app)

    def _foreign_database(self, url: str) -> Urls:
        """Use DATABASE_URL. A login that bypasses row-level security migrates but does not serve: it makes one."""
        if self.options.reset:
            raise RefusedError("--reset is for the embedded database only; DATABASE_URL is left as it is")
        admin = self.settings.migration_url.get_secret_value() if self.settings.migration_url else url
        with self.steps.step("Postgres at DATABASE_URL") as step:
            facts = login_facts(url)
            refuse_outdated_server(facts.server_version)
            if admin != url or facts.bypasses:
                provision(admin)
            password_file = self.options.data / "clarivum_api.password"
            app = provision_login(admin, kept_secret(password_file)) if facts.bypasses else url
            step.detail = f"{facts.server_release}, serving as {APP_LOGIN if facts.bypasses else facts.login}"
        return Urls(admin, app)

    def _migrate(self, urls: Urls, application: Application) -> None:
        with self.steps.step("migrations") as step:
            if self._server is None:
                refuse_pending(urls.admin, application.migrations, application.root)
            applied = push(urls.admin, application.migrations)
            step.detail = f"{len(applied)} new"
        if self._server is not None and application.seed.is_file():
            with self.steps.step("seed") as step:
                seed(urls.admin, application.seed)
                step.detail = "supabase/seed.sql"

    def _await_identity(self, identity: Child) -> None:
        with self.steps.step("identity stand-in") as step:
            wait_until(lambda: _answers(self.options.port + 1, "/.well-known/jwks.json"), [identity], START_TIMEOUT_S)
            step.detail = f"{self.identity_url} (development only)"

    def _await_api(self, api: Child) -> None:
        with self.steps.step("API") as step:
            wait_until(lambda: _answers(self.options.port, "/readyz"), [api], START_TIMEOUT_S)
            step.detail = f"{self.api_url}, reference at /docs"

    def _await_worker(self, worker: Child, application: Application) -> None:
        with self.steps.step("worker") as step:
            wait_until(lambda: WORKER_READY in worker.log.read_bytes(), [worker], START_TIMEOUT_S)
            schedules = sum(job.schedule is not None for job in application.jobs.values())
            step.detail = f"{_count(len(application.jobs), 'job')}, {_count(schedules, 'schedule')}"

    def _start(self, name: str, arguments: list[str], environment: dict[str, str]) -> Child:
        child = start(name, arguments, environment=environment, logs=self._logs)
        self._stack.callback(child.stop, GRACE_S)
        self.children.append(child)
        self._note_children()
        return child

    def _note_children(self) -> None:
        leftovers.note(self.options.data, [child.process.pid for child in self.children])

    def _environment(self) -> dict[str, str]:
        environment = {
            **os.environ,
            "CLARIVUM_PORT": str(self.options.port),
            "CLARIVUM_DATA": str(self.options.data),
        }
        environment.pop("CLARIVUM_MIGRATION_URL", None)
        if self.settings.stripe_webhook_secret is None and self.settings.environment is not Environment.PRODUCTION:
            environment["STRIPE_WEBHOOK_SECRET"] = kept_secret(self.options.data / WEBHOOK_SECRET_FILE)
        if self.identity_url:
            environment["CLARIVUM_IDENTITY_URL"] = self.identity_url
        return environment

    def _login(self) -> dict[str, str]:
        """What turns /auth/login on with the stand-in, which takes any client; what is set already stays."""
        if not self._offers_login:
            return {}
        login = {
            "AUTH_AUTH0_ID": "clarivum-development",
            "AUTH_AUTH0_SECRET": secrets.token_urlsafe(24),
            "CLARIVUM_BASE_URL": self.api_url.replace("127.0.0.1", "localhost"),
        }
        if not self.settings.auth_secrets:
            login["AUTH_SECRET"] = kept_secret(self.options.data / AUTH_SECRET_FILE)
        return {**login, **{name: os.environ[name] for name in login if os.environ.get(name)}}

    @property
    def _offers_login(self) -> bool:
        return self.settings.uses_stand_in and self.settings.login_client_id is None

    def _in_a_browser(self, api: str, return_to: str) -> str:
        if not self._offers_login:
            return ""
        return f"""
  Or sign in, in a browser: {api}/auth/login?returnTo={return_to}
"""

    def _confirm(self, what: str) -> None:
        if self.options.confirmed:
            return
        if not os.isatty(0):
            raise RefusedError(f"--reset deletes {what}")
        typer.confirm(f"  Delete {what}?", abort=True)

    @property
    def _logs(self) -> Path:
        return self.options.data / "logs"


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _lines_to_paste(api: str, data: str) -> Iterator[tuple[str | None, str]]:
    """Lines that try a backend, each with the route that the application must have for it; None: any has it."""
    captured = "POST /api/v1/leads"
    body = """'{"email":"you@example.com","source":"readme"}'"""
    yield captured, f"curl -s {api}/api/v1/leads -H 'content-type: application/json' -d {body}"
    yield None, f"TOKEN=$(./clarivum token --role member --sub 'auth0|alice'{data})"
    yield "GET /api/v1/entitlements", f'curl -s {api}/api/v1/entitlements -H "authorization: Bearer $TOKEN"'
    yield None, f"./clarivum jobs list{data}"
    yield captured, f"./clarivum jobs show latest{data}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _shown(path: Path) -> str:
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
