"""A worker, and what declares jobs, loads no web framework, no command line, no cloud SDK."""

import subprocess
import sys

import pytest

FORBIDDEN = ("litestar", "typer", "rich", "uvicorn", "httptools", "boto3", "botocore", "pglast", "opentelemetry.sdk")


@pytest.mark.parametrize("module", ["clarivum.jobs", "clarivum.jobs.worker.process"])
def test_what_is_not_loaded(module: str) -> None:
    script = f"import sys, {module}; print(*[name for name in {FORBIDDEN!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
