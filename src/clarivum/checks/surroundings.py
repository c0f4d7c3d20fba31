"""What the names around a call stand for: parameters by their annotations, locals by what they are given.

Read from the syntax; annotations are evaluated in the loaded module, as typing.get_type_hints does.
"""

import ast
import sys
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from clarivum.checks.sources import Source

CHANGING = frozenset({"update", "pop", "popitem", "setdefault", "clear"})
Functions = ast.FunctionDef | ast.AsyncFunctionDef


class Surroundings:
    """The functions that enclose a call, from the outermost, and their names."""

    def __init__(self, source: Source, call: ast.Call) -> None:
        self._names = vars(sys.modules[source.module]) if source.module in sys.modules else {}
        self._annotations: dict[str, ast.expr] = {}
        self._values: dict[str, list[ast.expr]] = {}
        self._changed: set[str] = set()
        for function in _enclosing(source.tree, call):
            arguments = function.args
            for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
                if argument.annotation is not None:
                    self._annotations[argument.arg] = argument.annotation
            self._changed.update(_changed(function))
            for name, value in _given(function):
                self._values.setdefault(name, []).append(value)
            for node in ast.walk(function):
                if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                    self._annotations[node.target.id] = node.annotation

    def values(self, name: str) -> list[ast.expr]:
        """What a local name is given, in each place; nothing when it is a parameter or not of these functions."""
        return self._values.get(name, [])

    def value(self, name: str) -> ast.expr | None:
        """The one thing a local name is given, if that is all that happens to it."""
        values = self.values(name)
        return values[0] if len(values) == 1 and name not in self._changed else None

    def loaded(self, node: ast.expr) -> Any:
        """What a dotted name is in the module; None when it is none, or hidden by a local one."""
        if isinstance(node, ast.Name):
            hidden = node.id in self._annotations or node.id in self._values
            return None if hidden else self._names.get(node.id)
        if isinstance(node, ast.Attribute):
            owner = self.loaded(node.value)
            return None if owner is None else getattr(owner, node.attr, None)
        return None

    def annotation(self, node: ast.expr) -> Any:
        """The annotated type of a name, of a field of one, or of what a class makes; None when it is not known."""
        if isinstance(node, ast.Name):
            if node.id in self._annotations:
                return self._evaluated(self._annotations[node.id])
            value = self.value(node.id)
            return self.annotation(value) if isinstance(value, ast.Call) else None
        if isinstance(node, ast.Attribute):
            fields = getattr(plain(self.annotation(node.value)), "model_fields", {})
            return fields[node.attr].annotation if node.attr in fields else None
        if isinstance(node, ast.Call):
            made = self.loaded(node.func)
            return made if isinstance(made, type) else None
        return None

    def _evaluated(self, annotation: ast.expr) -> Any:
        try:
            found = eval(ast.unparse(annotation), dict(self._names))  # noqa: S307 -- the application's own annotation
            return eval(found, dict(self._names)) if isinstance(found, str) else found  # noqa: S307
        except Exception:
            return None


def plain(annotation: Any) -> Any:
    """A type without Annotated and without `| None`."""
    if hasattr(annotation, "__metadata__"):
        return plain(annotation.__origin__)
    members = [member for member in get_args(annotation) if member is not type(None)]
    if get_origin(annotation) is not None and len(members) == 1 and type(None) in get_args(annotation):
        return plain(members[0])
    return annotation


def _enclosing(tree: ast.Module, call: ast.Call) -> list[Functions]:
    found: list[Functions] = []

    def descend(node: ast.AST) -> bool:
        if node is call:
            return True
        for child in ast.iter_child_nodes(node):
            if descend(child):
                if isinstance(node, Functions):
                    found.insert(0, node)
                return True
        return False

    descend(tree)
    return found


def _given(function: Functions) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(function):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.NamedExpr | ast.AnnAssign | ast.AugAssign):
            targets = [node.target]
        value = getattr(node, "value", None)
        if isinstance(value, ast.expr):
            yield from ((target.id, value) for target in targets if isinstance(target, ast.Name))


def _changed(function: Functions) -> Iterator[str]:
    """Names whose value is changed in place: `values["x"] = …`, `values.update(…)`."""
    for node in ast.walk(function):
        match node:
            case ast.Subscript(value=ast.Name(id=name), ctx=ast.Store() | ast.Del()):
                yield name
            case ast.Attribute(value=ast.Name(id=name), attr=method) if method in CHANGING:
                yield name
