"""The versions that a report names: ours and the peers', as installed."""

import json
from importlib.metadata import version
from pathlib import Path

from benchmarks.harness.peers import NodePeers, PythonPeers, version_of
from clarivum import __version__

OURS = ("clarivum", "litestar", "pydantic", "psycopg", "uvicorn", "uvloop", "httptools", "pgmq")
NODE = ("fastify", "postgres", "pg", "jose", "graphile-worker")
PYTHON = ("fastapi", "sqlalchemy", "asyncpg", "pgqueuer", "procrastinate", "celery")


def versions(node: NodePeers | None, python: PythonPeers | None) -> dict[str, str]:
    """Package to version, ours first."""
    found = {name: _own_version(name) for name in OURS}
    if node is not None:
        found["Bun"] = version_of([node.bun, "--version"])
        found["Node.js"] = version_of([node.node, "--version"]).removeprefix("v")
        found |= {name: _npm_version(node.folder, name) for name in NODE}
    if python is not None:
        found |= {name: _pypi_version(python.folder, name) for name in PYTHON}
    return found


def _own_version(name: str) -> str:
    return __version__ if name == "clarivum" else version(name)


def _npm_version(folder: Path, name: str) -> str:
    manifest = folder / "node_modules" / name / "package.json"
    return str(json.loads(manifest.read_bytes())["version"]) if manifest.is_file() else "absent"


def _pypi_version(folder: Path, name: str) -> str:
    found = sorted(folder.glob(f"lib/python*/site-packages/{name}-*.dist-info"))
    return found[0].name.removesuffix(".dist-info").removeprefix(f"{name}-") if found else "absent"
