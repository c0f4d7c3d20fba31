"""Where a server's data lies, as whom its programs run, and the short directory of its socket."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from clarivum.database.privileges import Account, choose_account, keepable_capability, reachable
from clarivum.database.server_binaries import Binaries, relocate
from clarivum.errors import ConfigurationError, DependencyDownError

LAUNCHER = Path(__file__).with_name("server_launch.py")
FALLBACK_ROOT = Path("/var/tmp")  # noqa: S108  kept across reboots; the directory in it is verified to be ours
SOCKET_PATH_MAX_BYTES = 107  # sun_path of Linux is 108 with its NUL


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

    def initdb(self, admin: str, password: str, arguments: list[str]) -> None:
        """Make the data directory; one that was begun and never finished is begun again."""
        partial = self.cluster.with_name(f"{self.cluster.name}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        self._own(partial)
        secret = self.make_socket_directory() / "password"
        try:
            self._write_secret(secret, password)
            self._run("initdb", "-D", str(partial), "-U", admin, "--pwfile", str(secret), *arguments)
        finally:
            secret.unlink(missing_ok=True)
        partial.rename(self.cluster)

    def set_password(self, login: str, password: str) -> None:
        """Without knowing the old one: Postgres in single-user mode, which only the owner of the files can run."""
        statement = f"alter role {login} password '{password}'\n"
        self._run(
            "postgres", "--single", "-D", str(self.cluster), "-c", "log_min_messages=fatal", "postgres", stdin=statement
        )

    def make_socket_directory(self) -> Path:
        """Private to the account. An entry of that name that is not ours is refused, not followed."""
        self._own(self.socket_directory)
        return self.socket_directory

    def remove_socket_directory(self) -> None:
        shutil.rmtree(self.socket_directory, ignore_errors=True)

    def delete(self) -> None:
        shutil.rmtree(self.cluster, ignore_errors=True)
        shutil.rmtree(self.cluster.with_name(f"{self.cluster.name}.partial"), ignore_errors=True)

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
            timeout=120,
            start_new_session=True,
        )
        if done.returncode != 0:
            raise DependencyDownError(f"{program} of Postgres {self.binaries.version} failed:\n{done.stderr.strip()}")


def prepare_home(data: Path, name: str, binaries: Binaries) -> ServerHome:
    """Decide where and as whom the server runs.

    Root with data or programs in a directory closed to the account keeps one capability for it; where that cannot be
    kept, programs are copied and data is made under /var/tmp, in a directory named after the user and `data`.
    """
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:12]
    cluster = data / name
    fallback = FALLBACK_ROOT / f"clarivum-{os.geteuid()}-{digest}"
    if (fallback / name).is_dir():
        cluster = fallback / name
    account = choose_account(cluster if cluster.is_dir() else None)
    if not reachable(account, [binaries.root / "bin", cluster.parent]):
        capability = keepable_capability()
        if capability is not None:
            account = Account(account.uid, account.gid, capability)
        else:
            fallback.mkdir(mode=0o755, exist_ok=True)
            if fallback.lstat().st_uid != os.geteuid() or fallback.is_symlink():
                raise ConfigurationError(f"{fallback} belongs to somebody else; remove it")
            fallback.chmod(0o755)
            cluster = fallback / name
            binaries = relocate(binaries, fallback)
    return ServerHome(cluster, _socket_directory(digest, name), account, binaries)


def _socket_directory(digest: str, name: str) -> Path:
    """`/tmp/clarivum-0-<digest>-18`, or under TMPDIR when that is short enough for a socket's path."""
    leaf = f"clarivum-{os.geteuid()}-{digest}-{name.removeprefix('postgres-')}"
    for root in (Path(tempfile.gettempdir()), Path("/tmp")):  # noqa: S108
        directory = root / leaf
        if len(os.fsencode(directory / ".s.PGSQL.65535.lock")) <= SOCKET_PATH_MAX_BYTES:
            return directory
    raise ConfigurationError("no directory is short enough for the server's socket")
