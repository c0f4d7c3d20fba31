"""Names that the application's own code gives to spans, metrics and environment variables, read from the syntax."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from clarivum.checks.sources import Source, text

SPANS = frozenset({"clarivum.telemetry.span"})
METERS = frozenset(f"clarivum.telemetry.{name}" for name in ("counter", "gauge", "histogram"))
READERS = frozenset({"os.getenv", "os.environ.get"})
DOCUMENTED = re.compile(r"`([A-Z][A-Z0-9_]+)`")
SETTINGS_PAGE = Path("docs") / "settings.md"


def spans(sources: Sequence[Source]) -> tuple[str, ...]:
    return tuple(sorted(set(_first_arguments(sources, SPANS))))


def metrics(sources: Sequence[Source]) -> tuple[str, ...]:
    return tuple(sorted(set(_first_arguments(sources, METERS))))


def variables(sources: Sequence[Source], root: Path) -> tuple[str, ...]:
    """Environment variables that the settings page documents or the code reads itself."""
    return tuple(sorted({*_documented(root / SETTINGS_PAGE), *_first_arguments(sources, READERS), *_indexed(sources)}))


def _first_arguments(sources: Sequence[Source], functions: frozenset[str]) -> Iterator[str]:
    for source in sources:
        for call in source.calls(functions):
            name = text(call.args[0]) if call.args else None
            if name:
                yield name


def _indexed(sources: Sequence[Source]) -> Iterator[str]:
    """`os.environ["NAME"]`."""
    for source in sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.Subscript) and source.qualified(node.value) == "os.environ":
                name = text(node.slice)
                if name:
                    yield name


def _documented(page: Path) -> Iterator[str]:
    """The variables in the first column of the page's table."""
    if page.exists():
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("| `"):
                yield from DOCUMENTED.findall(line.split(" | ")[0])
