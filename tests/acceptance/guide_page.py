"""A page of the guide taken apart, and a copy of the repository in which what it says is done."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.running import ROOT

BLOCK = re.compile(
    r"^(?:### `(?P<path>[^`\n]+)`|<!-- (?P<mark>(?:run|said)[^>\n]*) -->)$|^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
TIMEOUT_S = 200.0


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that means something: what stands above it, and its text.

    `about` is a mark (`run`, `said by …`) or, below a heading that is a path, that path.
    """

    about: str
    language: str
    text: str


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page in their order; one that neither a mark nor a path announces is prose."""
    path = mark = ""
    for found in BLOCK.finditer(text):
        if found["path"]:
            path, mark = found["path"], ""
        elif found["mark"]:
            path, mark = "", found["mark"]
        elif about := mark or path:
            yield Block(about, found["language"], found["text"])
            mark = ""


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy of the repository, with a `.venv` that is this interpreter looking at the copy's own code."""

    root: Path

    @classmethod
    def of_the_repository(cls, root: Path) -> "Copy":
        """Copy what git tracks, or would, to a folder that is not there yet."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        for name in filter(None, listed.split("\0")):
            if (ROOT / name).is_file():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / name)
        return cls(root)._with_interpreter()

    def copied(self, root: Path) -> "Copy":
        """Another copy, in the state that this one is in."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns(".clarivum", ".venv"))
        return Copy(root)._with_interpreter()

    def path(self, name: str) -> Path:
        """The file of that name; where it has a `*`, the one that it stands for."""
        if "*" not in name:
            return self.root / name
        (path,) = self.root.glob(name)
        return path

    def write(self, block: Block) -> None:
        """Write a file in full, or, from a diff, replace the one place that reads as its ` ` and `-` lines do."""
        path = self.path(block.about)
        if block.language != "diff":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            return
        lines = block.text.splitlines(keepends=True)
        before = "".join(line[1:] for line in lines if line[0] in " -")
        self.change(block.about, before, "".join(line[1:] for line in lines if line[0] in " +"))

    def change(self, name: str, before: str, after: str) -> None:
        """Replace a text that the file must hold once."""
        path = self.path(name)
        text = path.read_text(encoding="utf-8")
        assert text.count(before) == 1, f"{name} holds {text.count(before)} times:\n{before}"
        path.write_text(text.replace(before, after), encoding="utf-8")

    def run(self, lines: str, *, check: bool = True, path: Path | None = None) -> "subprocess.CompletedProcess[str]":
        """Run lines of shell in the copy's root, with none of the caller's settings; `path` goes before PATH."""
        environ = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CLARIVUM_", "AUTH", "OTEL_", "DATABASE_URL", "SUPABASE_", "PYTEST_"))
        }
        if path is not None:
            environ["PATH"] = f"{path}{os.pathsep}{environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", lines],
            cwd=self.root, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=TIMEOUT_S,
            check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{lines}\n{done.stdout}{done.stderr}"
        return done

    def follow(self, page: str) -> None:
        """Write the files and run the plain `run` blocks of a page, or of a part of one, in their order."""
        for block in blocks(page):
            if block.about == "run":
                self.run(block.text)
            elif not block.about.startswith(("run:", "said ")):
                self.write(block)

    def _with_interpreter(self) -> "Copy":
        """`./clarivum` finds a `.venv` made from the lock, and so makes none: its python is this one."""
        python = self.root / ".venv" / "bin" / "python"
        python.parent.mkdir(parents=True)
        paths = shlex.quote(f"{self.root / 'src'}{os.pathsep}{self.root}")
        python.write_text(f'#!/bin/sh\nPYTHONPATH={paths} exec {shlex.quote(sys.executable)} "$@"\n')
        python.chmod(0o755)
        shutil.copyfile(self.root / "requirements-dev.lock", self.root / ".venv" / ".installed-lock")
        return self
