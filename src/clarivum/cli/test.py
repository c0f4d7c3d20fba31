"""`test`: everything that must hold before a change lands, in the order in which it fails fastest."""

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from clarivum.cli.group import group
from clarivum.cli.place import ROOT

app = group()

BIN = Path(sys.executable).parent
STEPS: dict[str, tuple[str, ...]] = {
    "lint": (str(BIN / "ruff"), "check", "--quiet", "."),
    "format": (str(BIN / "ruff"), "format", "--check", "--quiet", "."),
    "types": (str(BIN / "mypy"),),
    "imports": (str(BIN / "lint-imports"), "--no-cache"),
}


@app.command("test", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def run_all(
    context: typer.Context,
    only_pytest: Annotated[bool, typer.Option("--only-pytest", help="Leave out lint, types and imports.")] = False,
) -> None:
    """Run lint, types, the import rules and the whole test suite; stop at the first that fails.

    What else stands on the line goes to pytest: `./clarivum test tests/unit -k cursor`.
    """
    os.chdir(ROOT)
    for name, command in {} if only_pytest else STEPS.items():
        _run(name, command)
    parallel = () if context.args else ("-n", "2", "--dist", "loadfile")
    _run("tests", (sys.executable, "-m", "pytest", *parallel, *context.args))


def _run(name: str, command: tuple[str, ...]) -> None:
    print(f"── {name}: {' '.join(Path(part).name if part.startswith('/') else part for part in command)}", flush=True)
    began = time.monotonic()
    ended = subprocess.run(command, check=False).returncode
    print(
        f"── {name} {'passed' if ended == 0 else f'failed ({ended})'} in {time.monotonic() - began:.1f} s", flush=True
    )
    if ended:
        raise typer.Exit(1)
