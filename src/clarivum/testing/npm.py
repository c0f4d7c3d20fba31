"""npm packages that tests run against: installed once from a lock into `.clarivum/npm/<name>`, shared by workers."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

INSTALL_TIMEOUT_S = 300.0
PACKAGES = Path(__file__).resolve().parents[3] / ".clarivum" / "npm"
MANIFESTS = ("package.json", "package-lock.json")
OPTIONS = ".npmrc"
INSTALLED = ".installed"


class NpmError(Exception):
    """The packages could not be installed; the message says what npm said."""


def install(folder: Path, *, packages: Path = PACKAGES) -> Path:
    """Install what `folder`'s package.json and package-lock.json name, unless it stands already.

    An .npmrc beside them holds for it, such as one that leaves out packages' peers.

    Returns the folder that holds `node_modules`: `packages/<name of folder>`. Safe under pytest-xdist: one process
    installs, the others wait. No package's scripts are run. `npm install` rather than `npm ci`: a lock that was written
    on one platform lacks the optional packages of the others, and `ci` refuses it; hashes are verified all the same.
    Raises NpmError.
    """
    target = packages / folder.name
    wanted = _digest(folder)
    target.mkdir(parents=True, exist_ok=True)
    with _only_installer(packages / f"{folder.name}.lock"):
        marker = target / INSTALLED
        if marker.is_file() and marker.read_text(encoding="ascii") == wanted:
            return target
        marker.unlink(missing_ok=True)
        shutil.rmtree(target / "node_modules", ignore_errors=True)
        for name in MANIFESTS:
            shutil.copyfile(folder / name, target / name)
        (target / OPTIONS).unlink(missing_ok=True)
        if (folder / OPTIONS).is_file():
            shutil.copyfile(folder / OPTIONS, target / OPTIONS)
        _npm_install(target)
        marker.write_text(wanted, encoding="ascii")
    return target


def _digest(folder: Path) -> str:
    try:
        return hashlib.sha256(b"\0".join((folder / name).read_bytes() for name in MANIFESTS)).hexdigest()
    except FileNotFoundError as error:
        raise NpmError(f"{error.filename} is missing: npm packages are installed from a lock") from None


@contextmanager
def _only_installer(path: Path) -> Iterator[None]:
    """Hold the lock file; the kernel lets it go when this process ends, however it ends."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _npm_install(target: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("npm is not on PATH; install Node.js 20 or newer")
    try:
        done = subprocess.run(
            [npm, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-progress"],
            cwd=target,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NpmError(f"npm did not finish within {INSTALL_TIMEOUT_S:g} s in {target}") from None
    if done.returncode != 0:
        raise NpmError(f"npm install in {target} ended with {done.returncode}:\n{done.stderr[-2_000:]}")
