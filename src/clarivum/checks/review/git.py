"""What git knows of the change: the commit it is compared with, the files in it, and the older tree itself."""

import os
import re
import subprocess
import zipfile
from dataclasses import dataclass
from pathlib import Path

from clarivum.errors import TOOL_MISSING, ConfigurationError, UsageError

USUAL = ("origin/main", "main")
TIMEOUT_S = 60
STATES = {"A": "new", "M": "changed", "D": "removed", "R": "renamed", "T": "changed", "C": "new"}


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared with what."""

    ref: str
    """As it was asked for: `origin/main`."""
    commit: str
    """The commit that both sides have in common, in full."""
    exact: bool
    """Whether `ref` is that commit; else it has gone on since, or the two share no history."""
    commits: int
    files: tuple[tuple[str, str], ...]
    """State and path, relative to the application's root, of every file that differs; the working tree counts."""
    uncommitted: int
    """How many of these have changes that are not committed."""


class Repository:
    """The git repository that holds the application's root. Raises UsageError when there is none."""

    def __init__(self, root: Path) -> None:
        self._root = root
        if self._try("rev-parse", "--is-inside-work-tree") != "true":
            raise UsageError(f"{root.name}/ is not in a git repository: there is nothing to compare with")
        if self._try("rev-parse", "--verify", "--quiet", "HEAD^{commit}") is None:
            raise UsageError("the repository has no commit yet: there is nothing to compare with")

    def compare(self, ref: str | None) -> Comparison:
        """Compare the working tree with where it left `ref`, by default origin/main or main.

        Raises UsageError for a ref that names no commit.
        """
        chosen = ref if ref is not None else self._usual()
        tip = self._commit(chosen)
        if tip is None:
            raise UsageError(f"{chosen!r} names no commit here; fetch it, or give another --base")
        commit = self._try("merge-base", tip, "HEAD") or tip
        changed = self._run("diff", "--name-status", "--no-renames", "--relative", "-z", commit, "--", ".")
        untracked = self._run("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
        since_commit = self._run("diff", "--name-only", "--relative", "-z", "HEAD", "--", ".")
        files = [*_states(changed), *(("new", path) for path in _paths(untracked))]
        return Comparison(
            ref=chosen,
            commit=commit,
            exact=commit == tip,
            commits=int(self._run("rev-list", "--count", f"{commit}..HEAD")),
            files=tuple(sorted(set(files), key=lambda each: each[1])),
            uncommitted=len({*_paths(since_commit), *_paths(untracked)}),
        )

    def extract(self, commit: str, folder: Path) -> None:
        """Write the application's root as it was at a commit into a folder. Raises UsageError when it was not there."""
        archive = folder / ".archive.zip"
        with archive.open("wb") as file:
            ended = self._start("archive", "--format=zip", "-1", commit, stdout=file.fileno())
        if ended.returncode:
            raise UsageError(f"the application is not in {commit[:9]}: {_message(ended.stderr)}")
        with zipfile.ZipFile(archive) as opened:  # writes nothing outside the folder, and links as plain files
            opened.extractall(folder)
        archive.unlink()

    def files(self, folder: str) -> list[Path]:
        """The files below a folder of the root that are tracked, or new and not ignored."""
        listed = self._run("ls-files", "--cached", "--others", "--exclude-standard", "-z", "--", f"{folder}/")
        return [self._root / path for path in dict.fromkeys(_paths(listed)) if (self._root / path).is_file()]

    def _usual(self) -> str:
        for name in USUAL:
            if self._commit(name) is not None:
                return name
        raise UsageError(f"there is neither {' nor '.join(USUAL)} to compare with; say which commit: --base REF")

    def _commit(self, ref: str) -> str | None:
        if ref.startswith("-"):
            return None
        return self._try("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")

    def _try(self, *arguments: str) -> str | None:
        ended = self._start(*arguments)
        return ended.stdout.decode(errors="replace").strip() if ended.returncode == 0 else None

    def _run(self, *arguments: str) -> str:
        ended = self._start(*arguments)
        if ended.returncode:
            raise UsageError(f"git {arguments[0]}: {_message(ended.stderr)}")
        return ended.stdout.decode(errors="replace")

    def _start(self, *arguments: str, stdout: int = subprocess.PIPE) -> "subprocess.CompletedProcess[bytes]":
        environ = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
        try:
            return subprocess.run(
                ["git", "-c", "core.quotePath=off", *arguments],
                cwd=self._root,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=subprocess.PIPE,
                timeout=TIMEOUT_S,
                check=False,
            )
        except FileNotFoundError:
            raise ConfigurationError(
                "git is not installed: without it there is nothing to compare with", code=TOOL_MISSING
            ) from None
        except subprocess.TimeoutExpired:
            raise ConfigurationError(f"git {arguments[0]} did not end within {TIMEOUT_S} s") from None


def _states(listed: str) -> list[tuple[str, str]]:
    """`M\\0path\\0A\\0path\\0` as states and paths."""
    parts = listed.split("\0")
    return [(STATES.get(state[:1], "changed"), path) for state, path in zip(parts[::2], parts[1::2], strict=False)]


def _paths(listed: str) -> list[str]:
    return [path for path in listed.split("\0") if path]


def _message(stderr: bytes) -> str:
    """Git's own words, in one line, without the prefix and without paths of this machine."""
    text = " ".join(stderr.decode(errors="replace").split())
    return re.sub(r"'?/\S+'?", "…", text.removeprefix("fatal: "))
