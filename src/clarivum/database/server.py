"""The embedded Postgres: one server, one data directory, owned by the process that starts it.

Files under `data`, for version 18: `postgres-18/` (the data directory), `postgres-18.json` (passwords, last port; mode
0600), `postgres-18.log`, `postgres-18.lock` (held while a process owns the server). Nothing here is imported by a worker.
"""

import contextlib
import fcntl
import os
import socket
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

from clarivum.database import server_pidfile
from clarivum.database.server_binaries import locate
from clarivum.database.server_home import ServerHome, prepare_home
from clarivum.database.server_settings import arguments, initdb_arguments
from clarivum.database.server_state import ServerState
from clarivum.errors import ConfigurationError, DependencyDownError, RefusedError

ADMIN = "postgres"
APP_LOGIN = "clarivum_api"
POLL_S = 0.005
LOG_KEEP_BYTES = 10 * 1024 * 1024
PORT_ATTEMPTS = 3
LAUNCHER = Path(__file__).with_name("server_launch.py")


class EmbeddedServer:
    """A Postgres of its own for development and tests. Not thread-safe: one owner starts and stops it.

    `options` are Postgres settings that win over the defaults (server_settings.DEFAULTS).
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
        self._process: subprocess.Popen[bytes] | None = None
        self._exited = threading.Event()

    # -- life --------------------------------------------------------------------------------------------------------
    def start(self, port: int | None = None, *, timeout_s: float = 60.0) -> None:
        """Make the data directory if there is none, end what an earlier run left behind, serve, return when ready.

        `port`: loopback TCP port; None takes the last one again when it is free, else any free one. Raises
        ConfigurationError (another major version's data, a port in use, no account to run as), RefusedError (another
        process owns the directory), DependencyDownError (the server did not come up; the end of its log is quoted).
        """
        if self.running:
            return
        self.data.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            home = self._home = prepare_home(self.data, self._name, self._binaries)
            self._refuse_other_version(home.cluster)
            server_pidfile.stop_leftovers(home.cluster)
            state = self._initialise(home)
            for remaining in reversed(range(PORT_ATTEMPTS)):
                chosen = _port(port, state.port)
                try:
                    self._launch(home, chosen, timeout_s)
                    break
                except DependencyDownError as error:
                    taken = "could not bind" in error.detail or "could not create any TCP/IP" in error.detail
                    if taken and port is not None:
                        raise ConfigurationError(f"port {port} is in use; choose another one") from None
                    if not taken or not remaining:
                        raise
            self._state = state.with_port(chosen)
            if self._state != state:
                self._state.save(self._file("json"))
        except BaseException:
            self.stop()
            raise

    def stop(self, *, immediate: bool = False) -> None:
        """Fast shutdown: running transactions roll back, a checkpoint is written. `immediate`: as in a crash."""
        if self._process is not None and self._home is not None:
            steps = server_pidfile.STOP_STEPS[1 if immediate else 0 :]
            for number, patience_s in steps:
                if self._exited.is_set():
                    break
                self._process.send_signal(number)
                self._exited.wait(patience_s)
            server_pidfile.stop_leftovers(self._home.cluster)
        if self._home is not None:
            self._home.remove_socket_directory()
        self._process = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def restart(self, *, immediate: bool = False) -> None:
        """Stop and start on the same port, as an operator or a crash would."""
        port = self.port
        self.stop(immediate=immediate)
        self.start(port)

    def destroy(self) -> None:
        """Stop and delete the data directory with everything in it."""
        self.stop()
        self.data.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        try:
            home = prepare_home(self.data, self._name, self._binaries)
            server_pidfile.stop_leftovers(home.cluster)
            home.delete()
            for kind in ("json", "log"):
                self._file(kind).unlink(missing_ok=True)
        finally:
            self.stop()

    def __enter__(self) -> "EmbeddedServer":
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    # -- facts -------------------------------------------------------------------------------------------------------
    @property
    def running(self) -> bool:
        """Whether the postmaster lives; False after a crash, until `start` is called again."""
        return self._process is not None and not self._exited.is_set()

    @property
    def pid(self) -> int:
        """The postmaster's process id. Raises RuntimeError when the server was not started."""
        if self._process is None:
            raise RuntimeError("the embedded server is not running")
        return self._process.pid

    @property
    def port(self) -> int:
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
        if self._home is None:
            raise RuntimeError("the embedded server is not running")
        return self._home.cluster

    def program(self, name: str) -> Path:
        """A client program of the same version, such as `psql` or `pgbench`."""
        return self._binaries.program(name)

    def admin_url(self, dbname: str = "postgres", *, tcp: bool = False) -> str:
        """Login `postgres`, a superuser: migrations, provisioning, tests. Never serves a request."""
        return self._url(ADMIN, self._known().admin_password, dbname, tcp=tcp)

    def app_url(self, dbname: str = "postgres", *, tcp: bool = False) -> str:
        """Login `clarivum_api`, which cannot become a role that bypasses row-level security.

        The login exists once `provision_login` ran. A socket is a third faster than loopback TCP; tools that know no
        sockets take `tcp`.
        """
        return self._url(APP_LOGIN, self._known().app_password, dbname, tcp=tcp)

    # -- steps -------------------------------------------------------------------------------------------------------
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

    def _take_lock(self) -> None:
        descriptor = os.open(self._file("lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise RefusedError(
                f"{self.data / self._name} is served by another process (pid {owner}); stop it, or use another --data"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, str(os.getpid()).encode(), 0)
        self._lock = descriptor

    def _refuse_other_version(self, cluster: Path) -> None:
        marker = cluster / "PG_VERSION"
        found = marker.read_text(encoding="ascii").strip() if marker.is_file() else str(self.version)
        if found != str(self.version):
            raise ConfigurationError(
                f"{cluster} was made by Postgres {found}, this is {self.version}: start with --postgres {found},"
                " use another --data, or delete it with --reset"
            )

    def _initialise(self, home: ServerHome) -> ServerState:
        state = ServerState.load(self._file("json"))
        if (home.cluster / "PG_VERSION").is_file():
            if state is None:
                state = ServerState.fresh()
                home.set_password(ADMIN, state.admin_password)
                state.save(self._file("json"))
            return state
        state = state or ServerState.fresh()
        state.save(self._file("json"))
        home.initdb(ADMIN, state.admin_password, initdb_arguments(self.version, _locales()))
        return state

    def _launch(self, home: ServerHome, port: int, timeout_s: float) -> None:
        socket_directory = home.make_socket_directory()
        settings = arguments(self.version, port=port, socket_directory=str(socket_directory), options=self.options)
        command = home.command("postgres", "-D", str(home.cluster), *settings, parent=os.getpid())
        log_start = self._rotate_log()
        started = threading.Event()
        self._exited = threading.Event()
        # The thread lives as long as the postmaster: it reaps it, and PR_SET_PDEATHSIG watches the thread that forked.
        threading.Thread(target=self._attend, args=(command, started), name=self._name, daemon=True).start()
        started.wait()
        waited_s = 0.0
        while self._process is not None:
            file = server_pidfile.read(home.cluster)
            if file is not None and file.pid == self._process.pid and file.status in {"ready", "standby"}:
                return
            if self._exited.wait(POLL_S):
                break
            waited_s += POLL_S
            if waited_s > timeout_s:
                raise DependencyDownError(f"Postgres {self.version} was not ready after {timeout_s:.0f} s: {self.log}")
        raise DependencyDownError(f"Postgres {self.version} did not start:\n{_tail(self.log, log_start)}")

    def _attend(self, command: list[str], started: threading.Event) -> None:
        exited = self._exited
        try:
            with self.log.open("ab") as log:
                process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
                )
            self._process = process
            started.set()
            process.wait()
        finally:
            exited.set()
            started.set()

    def _rotate_log(self) -> int:
        log = self.log
        size_bytes = log.stat().st_size if log.exists() else 0
        if size_bytes > LOG_KEEP_BYTES:
            log.replace(log.with_suffix(".log.1"))
            size_bytes = 0
        return size_bytes


def _port(wanted: int | None, last: int) -> int:
    """`wanted`, or the last one when nobody listens there, or one the kernel picks."""
    if wanted:
        return wanted
    for candidate in (last, 0):
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", candidate))
            return int(probe.getsockname()[1])
    raise ConfigurationError("no loopback port is free for Postgres")


def _locales() -> frozenset[str]:
    """Of the locales that matter here, those the operating system has."""
    import locale

    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
    except locale.Error:
        return frozenset()
    else:
        return frozenset({"C.UTF-8"})
    finally:
        locale.setlocale(locale.LC_CTYPE, before)


def _tail(log: Path, start: int, limit_bytes: int = 2_000) -> str:
    with log.open("rb") as file:
        file.seek(max(start, log.stat().st_size - limit_bytes))
        return file.read().decode(errors="replace").strip()
