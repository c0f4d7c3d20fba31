"""A worker, and what declares jobs, loads no web framework, no command line, no cloud SDK."""

import subprocess
import sys

import pytest

FORBIDDEN = ("litestar", "typer", "rich", "uvicorn", "httptools", "boto3", "botocore", "pglast", "opentelemetry.sdk")

NOT_IN_A_FUNCTION = (
    "litestar", "uvicorn", "typer", "rich", "joserfc", "cryptography", "boto3", "botocore", "httpx", "jinja2", "pglast",
    "opentelemetry.sdk", "psycopg_pool", "yaml",
)  # fmt: skip


@pytest.mark.parametrize("module", ["clarivum.jobs", "clarivum.jobs.worker.process"])
def test_what_is_not_loaded(module: str) -> None:
    script = f"import sys, {module}; print(*[name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_a_lambda_function_does_not_load() -> None:
    """Neither the handler nor the whole application it is for: each would cost time in every cold start."""
    script = (
        "import sys, clarivum.jobs.lambda_handler, bff.app;"
        f"print(*[name for name in {NOT_IN_A_FUNCTION!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
