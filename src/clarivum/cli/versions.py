"""Which versions of everything are here: for `doctor`, and for whoever reads its output in a report."""

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from clarivum import __version__
from clarivum.cli.place import ROOT
from clarivum.database.server.binaries import VERSIONS, locate
from clarivum.errors import ConfigurationError

PROGRAM_TIMEOUT_S = 4.0
NUMBER = re.compile(r"\d+(?:\.\d+)+")


def versions() -> Iterator[tuple[str, str]]:
    """Name and version, ourselves first; `absent` where there is none."""
    yield "clarivum", __version__
    yield "Python", f"{platform.python_version()} ({platform.system()} {platform.machine()})"
    for version in VERSIONS:
        yield f"embedded Postgres {version}", _embedded(version)
    yield "Supabase CLI", _supabase()
    for name in _dependencies():
        yield name, _installed(name)


def _dependencies() -> list[str]:
    """What pyproject.toml asks for, without the extras."""
    try:
        required = importlib.metadata.requires("clarivum")
    except importlib.metadata.PackageNotFoundError:
        required = None
    if required is None:  # run from the sources, as the wrapper does
        text = (ROOT / "pyproject.toml").read_text(encoding="utf-8") if (ROOT / "pyproject.toml").exists() else ""
        block = re.search(r"^dependencies = \[(.*?)^\]", text, re.MULTILINE | re.DOTALL)
        required = re.findall(r'"([^"]+)"', block[1]) if block else []
    names = (re.split(r"[\s\[;<>=!~]", entry)[0] for entry in required if "extra ==" not in entry)
    return sorted(set(names), key=str.lower)


def _installed(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


def _embedded(version: int) -> str:
    try:
        binaries = locate(version)
    except ConfigurationError:
        return "absent"
    return _ask([str(binaries.program("postgres")), "--version"])


def _supabase() -> str:
    """The npm package, from node_modules of the application or from PATH."""
    local = ROOT / "node_modules" / ".bin" / "supabase"
    program = str(local) if local.exists() else shutil.which("supabase")
    return _ask([program, "--version"], {"SUPABASE_TELEMETRY_DISABLED": "1"}) if program else "absent"


def _ask(command: Sequence[str], environ: dict[str, str] | None = None) -> str:
    try:
        ended = subprocess.run(
            command,
            check=False,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_S,
            cwd=Path.home(),
            env={**os.environ, **(environ or {})},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"does not start ({type(error).__name__})"
    found = NUMBER.search(ended.stdout)
    return found[0] if found else "does not say"
