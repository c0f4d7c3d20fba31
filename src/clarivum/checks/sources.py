"""The application's Python files as syntax trees, and what the names in them stand for. Nothing is imported or run."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec, resolve_name
from pathlib import Path

from clarivum.checks.finding import Problem
from clarivum.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Source:
    """One module. `names` maps each imported name to what it stands for: `post` → `clarivum.api.post`."""

    module: str
    path: Path
    shown: str
    """Relative to the application's root, with `/`."""
    tree: ast.Module
    names: Mapping[str, str]

    def qualified(self, node: ast.expr) -> str:
        """The dotted name that an expression stands for, `` when it is none."""
        if isinstance(node, ast.Name):
            return self.names.get(node.id, f"{self.module}.{node.id}")
        if isinstance(node, ast.Attribute):
            owner = self.qualified(node.value)
            return f"{owner}.{node.attr}" if owner else ""
        return ""

    def values(self, name: str) -> list[ast.expr]:
        """What a name of the module is given, in its own lines."""
        given = [node for node in self.tree.body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
        return [
            node.value
            for node in given
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name) and target.id == name and node.value is not None
        ]

    def calls(self, names: frozenset[str]) -> Iterator[ast.Call]:
        """Every call of one of these qualified names."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and self.qualified(node.func) in names:
                yield node


def package_folder(package: str) -> Path:
    """The folder of an importable package, without importing it. Raises ConfigurationError when there is none."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):
        spec = None
    if spec is None or not spec.submodule_search_locations:
        raise ConfigurationError(f"there is no package {package!r} to check")
    return Path(next(iter(spec.submodule_search_locations)))


def read_sources(package: str, folder: Path, root: Path) -> tuple[tuple[Source, ...], tuple[Problem, ...]]:
    """All modules of a package in the order of their paths, and a problem for each that does not parse."""
    sources: list[Source] = []
    problems: list[Problem] = []
    for path in sorted(folder.rglob("*.py")):
        try:
            sources.append(_read(package, folder, path, root))
        except SyntaxError as error:
            problems.append(Problem(shown(path, root), error.lineno or 1, path.stem, f"does not parse: {error.msg}"))
    return tuple(sources), tuple(problems)


def keyword(call: ast.Call, name: str) -> ast.expr | None:
    """The value of a keyword argument, None when it is absent."""
    return next((given.value for given in call.keywords if given.arg == name), None)


def has_star(call: ast.Call) -> bool:
    """Whether keywords come out of a mapping, so that their names cannot be read off."""
    return any(given.arg is None for given in call.keywords)


def is_none(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def text(node: ast.expr | None) -> str | None:
    """The value of a string literal, None when it is anything else."""
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _read(package: str, folder: Path, path: Path, root: Path) -> Source:
    parts = path.relative_to(folder).with_suffix("").parts
    is_package = path.name == "__init__.py"
    module = ".".join((package, *(parts[:-1] if is_package else parts)))
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    within = module if is_package else module.rpartition(".")[0]
    return Source(module, path, shown(path, root), tree, dict(_imports(tree, within)))


def shown(path: Path, root: Path) -> str:
    """A path as findings name it: relative to the root where it lies below it."""
    path = path.resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def _imports(tree: ast.Module, within: str) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                yield (alias.asname, alias.name) if alias.asname else (top, top)
        elif isinstance(node, ast.ImportFrom):
            target = "." * node.level + (node.module or "")
            origin = resolve_name(target, within) if node.level else target
            for alias in node.names:
                yield alias.asname or alias.name, f"{origin}.{alias.name}"
