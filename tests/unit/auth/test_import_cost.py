"""What importing the package loads. A worker that verifies no token must not pay for cryptography or for HTTP."""

import subprocess
import sys

import pytest

HEAVY = {"joserfc", "cryptography", "httpx", "uvicorn", "litestar", "typer", "rich"}


@pytest.mark.parametrize(
    ("module", "loads"),
    [
        ("clarivum.auth", set()),
        ("clarivum.auth.verifier", {"joserfc", "cryptography"}),
        ("clarivum.auth.standin", {"joserfc", "cryptography"}),
    ],
)
def test_loaded(module: str, loads: set[str]) -> None:
    script = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    loaded = set(
        subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout.split()
    )
    assert HEAVY & loaded == loads
