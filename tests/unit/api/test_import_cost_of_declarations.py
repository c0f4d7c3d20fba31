"""A slice imports declarations; what serves them is loaded by the process that serves."""

import subprocess
import sys

SERVING = ("litestar", "uvicorn", "uvloop", "httptools", "typer", "rich", "boto3", "cryptography", "pglast")


def test_declarations_load_nothing_that_serves() -> None:
    code = f"import clarivum.api, sys; print(*(name for name in {SERVING!r} if name in sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == []


def test_the_server_starts_without_litestar() -> None:
    code = "import clarivum.api.server, sys; print('litestar' in sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert found.stdout.split() == ["False"]
