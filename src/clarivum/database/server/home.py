"""Where a server's data lies, as whom its programs run, and the short directory of its socket."""

import contextlib
import ctypes
import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from clarivum.database.server.account import Account, choose_account, keepable_capability, reachable
from clarivum.database.server.binaries import COPY_PREFIX, Binaries, relocate
from clarivum.database.server.settings import initdb_arguments
from clarivum.errors import ConfigurationError, DependencyDownError

LAUNCHER = Path(__file__).with_name("launch.py")
FALLBACK_ROOT = Path("/var/tmp")  # noqa: S108  kept across reboots; the directory in it is verified to be ours
SHORT_ROOT = Path("/tmp")  # noqa: S108  likewise verified
SOCKET_PATH_MAX_BYTES = 107  # sun_path of Linux is 108 with its NUL; of macOS 104
PROGRAM_TIMEOUT_S = 120
SYNC_FILE_SYSTEM = sys.platform == "linux"


@dataclass(frozen=True, slots=True)
class ServerHome:
    """A data directory together with the account and the programs that may work in it."""

    cluster: Path
    socket_directory: Path
    account: Account
    binaries: Binaries

    def command(self, program: str, *arguments: str, parent: int = 0) -> list[str]:
        """The command line that runs a Postgres program as the account; `parent`: end when that process ends."""
        account = self.account
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), str(parent)]
        who = [str(account.uid), str(account.gid), str(account.capability)]
        return [*launch, *who, str(self.binaries.program(program)), *arguments]

    def initdb(self, admin: str, password: str, *, durable: bool) -> None:
        """Make the data directory; one that was begun and never finished is begun again.

        `durable`: it is on disk when this returns.
        """
        partial = self.cluster.with_name(f"{self.cluster.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        self._own(partial)
        secret = self.make_socket_directory() / "password"
        try:
            self._write_secret(secret, password)
            where = ["-D", str(partial), "-U", admin, "--pwfile", str(secret)]
            for locale in ("C.UTF-8", "C"):
                arguments = initdb_arguments(
                    self.binaries.version, libc_locale=locale, sync=durable and not SYNC_FILE_SYSTEM
                )
                try:
                    self._run("initdb", *where, *arguments)
                    break
                except DependencyDownError as error:
                    if "invalid locale" not in error.detail or locale == "C":
                        raise
        finally:
            secret.unlink(missing_ok=True)
        partial.rename(self.cluster)
        if durable and SYNC_FILE_SYSTEM:
            _sync_file_system(self.cluster.parent)

    def set_password(self, login: str, password: str) -> None:
        """Without knowing the old one: Postgres in single-user mode, which only the owner of the files can run."""
        statement = f"alter role {login} password '{password}'\n"
        self._run("postgres", "--single", "-D", str(self.cluster), "postgres", stdin=statement)

    def make_socket_directory(self) -> Path:
        """Private to the account. An entry of that name that is not ours is refused, not followed."""
        self._own(self.socket_directory)
        return self.socket_directory

    def remove_socket_directory(self) -> None:
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    def delete(self) -> None:
        """Delete the data directory, and the copy of the programs where there was one."""
        shutil.rmtree(self.cluster, ignore_errors=True)
        shutil.rmtree(self.cluster.with_name(f"{self.cluster.name}.partial"), ignore_errors=True)
        place = self.cluster.parent
        if place.parent == FALLBACK_ROOT:
            for copy in place.glob(f"{COPY_PREFIX}-{self.binaries.version}-*"):
                shutil.rmtree(copy, ignore_errors=True)
            with contextlib.suppress(OSError):  # the other major version's data is still there
                place.rmdir()

    def works(self) -> bool:
        """Whether the account really reaches the programs; pg_config looks itself up as initdb does."""
        try:
            self._run("pg_config", "--bindir")
        except DependencyDownError:
            return False
        return True

    def _own(self, directory: Path) -> None:
        directory.mkdir(mode=0o700, exist_ok=True)
        status = directory.lstat()
        owner = os.geteuid() if self.account.is_caller else self.account.uid
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in {os.geteuid(), owner}:
            raise ConfigurationError(f"{directory} belongs to somebody else; remove it")
        if status.st_uid != owner:
            os.chown(directory, self.account.uid, self.account.gid, follow_symlinks=False)
        directory.chmod(0o700)

    def _write_secret(self, path: Path, text: str) -> None:
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            if not self.account.is_caller:
                os.fchown(file.fileno(), self.account.uid, self.account.gid)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> None:
        done = subprocess.run(
            self.command(program, *arguments),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_TIMEOUT_S,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise DependencyDownError(f"{program} of Postgres {self.binaries.version} failed:\n{done.stderr.strip()}")


def prepare_home(data: Path, name: str, binaries: Binaries) -> ServerHome:
    """Decide where and as whom the server runs.

    Root with data or programs in a directory closed to the account keeps one capability for it. Where none can be kept,
    the programs are copied and the data is made under /var/tmp, in a directory named after the user and `data`.
    """
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    fallback = FALLBACK_ROOT / f"clarivum-{os.geteuid()}-{digest}"
    moved = (fallback / name).is_dir()
    cluster = (fallback if moved else data) / name
    account = choose_account(cluster if cluster.is_dir() else None)
    home = ServerHome(cluster, _socket_directory(digest, name), account, binaries)
    if reachable(account, [binaries.root / "bin", cluster.parent]):
        return home
    capability = keepable_capability()
    if capability is not None:
        capable = replace(home, account=replace(account, capability=capability))
        if capable.works():
            return capable
    _refuse_stranger(fallback)
    return replace(home, cluster=fallback / name, binaries=relocate(binaries, fallback))


def _sync_file_system(directory: Path) -> None:
    """syncfs(2): one call where initdb would call fsync for each of its thousand files."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), "syncfs", str(directory))
    finally:
        os.close(descriptor)


def _refuse_stranger(directory: Path) -> None:
    """Make a directory that everybody may enter and only we may change."""
    directory.mkdir(mode=0o755, exist_ok=True)
    if directory.is_symlink() or directory.lstat().st_uid != os.geteuid():
        raise ConfigurationError(f"{directory} belongs to somebody else; remove it")
    directory.chmod(0o755)


def _socket_directory(digest: str, name: str) -> Path:
    """`<TMPDIR>/clarivum-0-<digest>-18`, or under /tmp when TMPDIR makes a socket's path too long."""
    leaf = f"clarivum-{os.geteuid()}-{digest}-{name.removeprefix('postgres-')}"
    for root in (Path(tempfile.gettempdir()), SHORT_ROOT):
        directory = root / leaf
        if len(os.fsencode(directory / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_MAX_BYTES:
            return directory
    raise ConfigurationError("no directory is short enough for the server's socket")
