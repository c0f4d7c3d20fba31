"""What a Lambda function's package holds, installed by itself: its import is measured where nothing else is installed.

Pydantic asks every installed distribution for its entry points, so a development environment with a hundred of them
makes each import slower than any function is.
"""

import sys
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from benchmarks.harness.peers import Unavailable, failure, uv_program

RUNTIME = ("boto3",)
"""What Lambda's own runtime brings."""


def install_function(data: Path, name: str, requirements: Sequence[str], lock: Path) -> Path | Unavailable:
    """The interpreter of an environment with these requirements at the lock's versions, made on first use.

    Unavailable without uv, or when it fails.
    """
    folder = data / "bench" / "functions" / name
    python, stamp = folder / "bin" / "python", folder / "installed"
    wanted = sha256("\n".join([sys.version, *requirements, *RUNTIME, lock.read_text()]).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    program = uv_program()
    if program is None:
        return Unavailable("uv is neither in .boot nor on PATH; run ./clarivum once")
    steps = (
        [program, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)],
        [program, "pip", "install", "--quiet", "--only-binary", ":all:", "--python", str(python), "-c", str(lock),
         *requirements, *RUNTIME],
    )  # fmt: skip
    for step in steps:
        if reason := failure(step, data):
            return Unavailable(f"uv {step[1]} failed: {reason}")
    stamp.write_text(wanted)
    return python
