"""The embedded Postgres: one server, one data directory, owned by the process that starts it.

Files under `data`, for version 18: `postgres-18/` (the data directory), `postgres-18.json` (passwords, last port; mode
0600), `postgres-18.log`, `postgres-18.lock` (held while a process owns the server). Linux and macOS.
"""

import contextlib
import fcntl
import os
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from clarivum.database.server import pidfile as server_pidfile
from clarivum.database.server.binaries import locate
from clarivum.database.server.home import ServerHome, prepare_home
from clarivum.database.server.process import Postmaster
from clarivum.database.server.settings import arguments
from clarivum.database.server.state import ServerState
from clarivum.errors import ConfigurationError, DependencyDownError, RefusedError

ADMIN = "postgres"
APP_LOGIN = "clarivum_api"
PORT_ATTEMPTS = 3
PORT_TAKEN = "could not create any TCP/IP sockets"


class EmbeddedServer:
    """A Postgres of its own for development and tests. Not thread-safe: one owner starts and stops it.

    `options` are Postgres settings that win over the defaults (settings.DEFAULTS).
    """

    def __init__(self, data: Path, version: int = 18, *, options: Mapping[str, str] | None = None) -> None:
        self.data = data.absolute()
        self.version = version
        self.options = dict(options or {})
        self._name = f"postgres-{version}"
        self._binaries = locate(version)
        self._home: ServerHome | None = None
        self._state: ServerState | None = None
        self._lock: int | None = None
        self._postmaster: Postmaster | None = None

    # -- life ---------------------------------------------------------------------------------------------------------
    def start(self, port: int | None = None, *, timeout_s: float = 60.0) -> None:
        """Make the data directory if there is none, end what an earlier run left behind, serve, return when ready.

        `port`: loopback TCP port; None takes the last one again when it is free, else any free one. `timeout_s` bounds
        crash recovery. Raises ConfigurationError (data of another major version, a port in use, no account to run as),
        RefusedError (another process owns the directory), DependencyDownError (it did not come up; its log is quoted).
        """
        if self.running:
            return
        if self._lock is None:  # still held after a crash of the server
            self._own()
        try:
            home = self._home = prepare_home(self.data, self._name, self._binaries)
            self._refuse_other_version(home.cluster)
            server_pidfile.stop_leftovers(home.cluster)
            state = self._initialise(home)
            chosen = self._launch(home, port, state.port, timeout_s)
            self._state = state.with_port(chosen)
            if self._state != state:
                self._state.save(self._file("json"))
        except BaseException:
            self.stop()
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """Fast shutdown: running transactions roll back, a checkpoint is written. `immediate`: as in a crash."""
        try:
            if self._postmaster is not None:
                steps = (server_pidfile.FAST, server_pidfile.IMMEDIATE, server_pidfile.KILL)
                self._postmaster.stop(steps[1:] if immediate else steps)
            if self._lock is not None and self._home is not None:
                server_pidfile.stop_leftovers(self._home.cluster)
                self._home.remove_socket_directory()
        finally:
            self._postmaster = None
            self._disown()

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start on the same port, as an operator or a crash would."""
        port = self.port
        self.stop(immediate=immediate)
        self.start(port)

    def destroy(self) -> None:
        """Stop, and delete the data directory. Raises RefusedError when another process owns it."""
        self.stop()
        self._own()
        try:
            home = prepare_home(self.data, self._name, self._binaries)
            server_pidfile.stop_leftovers(home.cluster)
            home.delete()
            home.remove_socket_directory()
            for kind in ("json", "log", "log.1"):
                self._file(kind).unlink(missing_ok=True)
        finally:
            self._disown()

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- facts --------------------------------------------------------------------------------------------------------
    @property
    def running(self) -> bool:
        """Whether the postmaster lives; False after a crash, until `start` is called again."""
        return self._postmaster is not None and self._postmaster.running

    @property
    def pid(self) -> int:
        """The postmaster's process id."""
        if self._postmaster is None:
            raise RuntimeError("the embedded server is not running")
        return self._postmaster.pid

    @property
    def port(self) -> int:
        """The loopback TCP port, which also names the socket."""
        return self._known().port

    @property
    def app_password(self) -> str:
        """What `provision_login` sets for the login that serves requests."""
        return self._known().app_password

    @property
    def log(self) -> Path:
        return self._file("log")

    @property
    def cluster(self) -> Path:
        """The data directory in the sense of PGDATA."""
        return self._home.cluster if self._home is not None else self.data / self._name

    def program(self, name: str) -> Path:
        """A client program of the same version, such as `psql` or `pgbench`."""
        return self._binaries.program(name)

    def admin_url(self, dbname: str = "postgres", *, tcp: bool = False) -> str:
        """Login `postgres`, a superuser: migrations, provisioning, tests. Never serves a request."""
        return self._url(ADMIN, self._known().admin_password, dbname, tcp=tcp)

    def app_url(self, dbname: str = "postgres", *, tcp: bool = False) -> str:
        """Login `clarivum_api`, which cannot become a role that bypasses row-level security.

        The login exists once `provision_login` ran. By socket, unless `tcp`: for tools that know no sockets.
        """
        return self._url(APP_LOGIN, self._known().app_password, dbname, tcp=tcp)

    # -- steps --------------------------------------------------------------------------------------------------------
    def _file(self, kind: str) -> Path:
        return self.data / f"{self._name}.{kind}"

    def _known(self) -> ServerState:
        if self._state is None:
            raise RuntimeError("the embedded server was not started")
        return self._state

    def _url(self, login: str, password: str, dbname: str, *, tcp: bool) -> str:
        credentials = f"postgresql://{login}:{password}@"
        if tcp or self._home is None:
            return f"{credentials}127.0.0.1:{self.port}/{quote(dbname)}"
        return f"{credentials}/{quote(dbname)}?host={quote(str(self._home.socket_directory), safe='')}&port={self.port}"

    def _own(self) -> None:
        """Take the lock that says which process owns the server; the kernel lets it go when that process ends."""
        self.data.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._file("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise RefusedError(
                f"{self.cluster} is served by another process (pid {owner}); stop it, or use another --data"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def _disown(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _refuse_other_version(self, cluster: Path) -> None:
        marker = cluster / "PG_VERSION"
        found = marker.read_text(encoding="ascii").strip() if marker.is_file() else str(self.version)
        if found != str(self.version):
            raise ConfigurationError(
                f"{cluster} was made by Postgres {found} and cannot be served by {self.version}:"
                f" use --postgres {found} or another --data, or delete it with --reset"
            )

    def _initialise(self, home: ServerHome) -> ServerState:
        state = ServerState.load(self._file("json"))
        exists = (home.cluster / "PG_VERSION").is_file()
        if exists and state is not None:
            return state
        state = state or ServerState.fresh()
        if exists:  # the file with the passwords was lost
            home.set_password(ADMIN, state.admin_password)
        else:
            home.initdb(ADMIN, state.admin_password, durable=self.options.get("fsync") != "off")
        state.save(self._file("json"))
        return state

    def _launch(self, home: ServerHome, wanted: int | None, last: int, timeout_s: float) -> int:
        """Start the postmaster, return its port. One that the kernel picked may be taken a moment later: try again."""
        directory = str(home.make_socket_directory())
        for remaining in reversed(range(PORT_ATTEMPTS)):
            port = wanted or _free_port(last)
            settings = arguments(self.version, port=port, socket_directory=directory, options=self.options)
            command = home.command("postgres", "-D", str(home.cluster), *settings, parent=os.getpid())
            self._postmaster = Postmaster(command, home.cluster, self.log)
            try:
                self._postmaster.wait_ready(timeout_s)
            except DependencyDownError as error:
                taken = PORT_TAKEN in error.detail
                if taken and wanted:
                    raise ConfigurationError(f"port {wanted} is in use; choose another one") from None
                if not taken or not remaining:
                    raise
            else:
                return port
        raise AssertionError("unreachable")


def _free_port(last: int) -> int:
    """`last` when nobody listens there, else one the kernel picks."""
    for candidate in (last, 0):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise ConfigurationError("no loopback port is free for Postgres")
