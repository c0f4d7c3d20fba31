"""The command line: one file per group of commands. `program.py` puts them together."""

from clarivum.cli.program import main

__all__ = ["main"]
