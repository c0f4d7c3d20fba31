"""The house's own style, held: lengths, names, and what the repository may not mention."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAX_LINES = 400
MAX_TEST_LINES = 500
MAX_FUNCTION_LINES = 70
FORBIDDEN_NAMES = frozenset({"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"})
CODE = ("src", "bff", "tests", "benchmarks")
TEXT_SUFFIXES = frozenset(
    {"", ".cfg", ".ini", ".json", ".lock", ".md", ".py", ".sh", ".sql", ".toml", ".ts", ".txt", ".yaml", ".yml"}
)

# What names a machine or a package index instead of the project. Put together here, so that this file itself passes.
MENTIONS = tuple(
    "".join(parts)
    for parts in (
        ("/wo", "rk/"),
        ("/ro", "ot/"),
        ("/ho", "me/"),
        ("file", ".pythonhosted", ".org"),
        ("pypi", ".org"),
        ("registry", ".npmjs", ".org"),
        (".lib", "rary/"),
    )
)


def tracked() -> list[Path]:
    """Files that are or will be in the repository: tracked, or new and not ignored."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return [ROOT / line for line in listed.splitlines() if (ROOT / line).is_file()]


FILES = tracked()
PYTHON = [path for path in FILES if path.suffix == ".py" and path.relative_to(ROOT).parts[0] in CODE]


def shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_there_are_files_to_look_at() -> None:
    assert len(PYTHON) > 100


def test_no_file_is_longer_than_one_reads_in_one_go() -> None:
    long = {
        shown(path): lines
        for path in PYTHON
        if (lines := len(path.read_text(encoding="utf-8").splitlines()))
        > (MAX_TEST_LINES if shown(path).startswith("tests/") else MAX_LINES)
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {
        f"{shown(path)}:{function.lineno} {function.name}": lines
        for path in PYTHON
        for function in functions(path)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MAX_FUNCTION_LINES
    }
    assert long == {}


def test_no_module_is_named_after_nothing() -> None:
    named = [
        shown(path)
        for path in PYTHON
        if FORBIDDEN_NAMES & set(path.relative_to(ROOT).with_suffix("").parts)
        or FORBIDDEN_NAMES & set(path.stem.split("_"))
    ]
    assert named == []


def test_every_module_of_the_platform_says_what_it_is_for() -> None:
    silent = [
        shown(path)
        for path in PYTHON
        if shown(path).startswith(("src/", "bff/"))
        and not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    ]
    assert silent == []


@pytest.mark.parametrize("words", MENTIONS)
def test_no_file_mentions_the_machine_it_was_written_on_or_where_packages_came_from(words: str) -> None:
    mentioning = [
        shown(path)
        for path in FILES
        if path.suffix in TEXT_SUFFIXES and words in path.read_text(encoding="utf-8", errors="replace")
    ]
    assert mentioning == []


def test_nothing_waits_to_be_done() -> None:
    """What is left to do is an issue or a waiver with a date, not a word in a comment."""
    word = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
    waiting = [
        f"{shown(path)}:{number}"
        for path in PYTHON
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if word.search(line)
    ]
    assert waiting == []


def test_no_test_is_skipped() -> None:
    """A test that does not run proves nothing. Only what needs files from outside may be left out, with its reason."""
    marks = ("pytest.mark." + "skip(", "pytest." + "skip(", "mark." + "xfail", "pytest." + "importorskip")
    skipping = [
        shown(path)
        for path in PYTHON
        if shown(path).startswith("tests/") and any(mark in path.read_text(encoding="utf-8") for mark in marks)
    ]
    assert skipping == []
