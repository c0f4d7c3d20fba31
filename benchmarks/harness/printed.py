"""Measurements that are kept as they are printed, a few lines each: the last part of docs/benchmarks.md."""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.harness.results import RESULTS

TITLES = {"imports": "Importing the Lambda handler", "ledger": "The ledger in a Lambda function's batch of ten"}
"""By the command that measures it."""


def keep(name: str, command: str, text: str, folder: Path = RESULTS) -> None:
    """Keep what `command` printed."""
    (folder / f"{name}.txt").write_text(f"$ {command}\n{text}\n", encoding="utf-8")


def parts(folder: Path = RESULTS) -> Iterator[str]:
    """A part for each measurement that is kept."""
    for name, title in TITLES.items():
        kept = folder / f"{name}.txt"
        if kept.is_file():
            yield f"## {title}\n\n```\n{kept.read_text(encoding='utf-8').rstrip()}\n```"
