"""Run the real command line in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
OURS = ("CLARIVUM_", "OTEL_", "AUTH0_", "DATABASE_URL", "SUPABASE_")


def clarivum(*arguments: str, root: Path | None = None, **environ: str) -> "subprocess.CompletedProcess[str]":
    """Run `clarivum ARGUMENTS` with these variables and none of the caller's own settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    if root is not None:
        inherited["PYTHONPATH"] = str(root)
    return subprocess.run(
        [sys.executable, "-m", "clarivum", *arguments],
        cwd=ROOT,
        env={**inherited, **environ},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
