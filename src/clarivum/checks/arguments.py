"""What a call gives to a query: the names of its parameters, as far as they can be read."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from clarivum.api import Keyset
from clarivum.checks.sources import Source, text
from clarivum.checks.surroundings import Surroundings, plain

LEAVING_OUT = frozenset({"exclude_unset", "exclude_defaults", "exclude_none"})
SHAPING = frozenset({"include", "exclude", "by_alias"})
HARMLESS = frozenset({"mode", "warnings", "round_trip", "context", "fallback", "serialize_as_any"})


@dataclass
class Arguments:
    """`names` in their order, one that is given twice standing twice; `positional` counts what has no name.

    `uncertain` are fields that `model_dump(exclude_unset=True)` and the like may leave out; `unread` the sources of
    names that cannot be told, as they are written.
    """

    names: list[str] = field(default_factory=list)
    positional: int = 0
    uncertain: list[str] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)


def read_arguments(source: Source, call: ast.Call) -> Arguments:
    """The arguments of a call that runs a query, after the query itself."""
    is_plain = all(keyword.arg is not None for keyword in call.keywords)
    around = None if is_plain else Surroundings(source, call)
    found = Arguments(positional=sum(not isinstance(each, ast.Starred) for each in call.args[1:]))
    found.unread.extend(ast.unparse(each) for each in call.args[1:] if isinstance(each, ast.Starred))
    for keyword in call.keywords:
        if keyword.arg is not None:
            found.names.append(keyword.arg)
        elif around is not None and not _spread(around, keyword.value, found):
            found.unread.append(f"**{ast.unparse(keyword.value)}")
    return found


def _spread(around: Surroundings, node: ast.expr, found: Arguments) -> bool:
    """Add what `**node` gives; whether it could be read."""
    if isinstance(node, ast.Dict):
        return _of_dict(around, node, found)
    if isinstance(node, ast.Name):
        value = around.value(node.id)
        return value is not None and _spread(around, value, found)
    if isinstance(node, ast.Attribute) and node.attr == "parameters":
        return _of_page(around.annotation(node.value), found)
    if isinstance(node, ast.Call):
        if isinstance(node.func, ast.Name) and node.func.id == "dict" and not node.args:
            inner = [keyword for keyword in node.keywords if keyword.arg is None]
            found.names.extend(keyword.arg for keyword in node.keywords if keyword.arg is not None)
            return [_spread(around, keyword.value, found) for keyword in inner].count(False) == 0
        if isinstance(node.func, ast.Attribute) and node.func.attr == "model_dump" and not node.args:
            return _of_model(plain(around.annotation(node.func.value)), node, found)
    return False


def _of_dict(around: Surroundings, node: ast.Dict, found: Arguments) -> bool:
    read = True
    for key, value in zip(node.keys, node.values, strict=True):
        if key is None:
            read = _spread(around, value, found) and read
        elif isinstance(key, ast.Constant) and isinstance(key.value, str):
            found.names.append(key.value)
        else:
            read = False
    return read


def _of_page(annotation: Any, found: Arguments) -> bool:
    """`page.parameters` of a `page: Annotated[PageRequest, Keyset.descending(…)]`."""
    for keyset in getattr(annotation, "__metadata__", ()):
        if isinstance(keyset, Keyset):
            found.names.extend([*(f"after_{name}" for name, _ in keyset.columns), "limit"])
            return True
    return False


def _of_model(model: Any, call: ast.Call, found: Arguments) -> bool:
    fields: Mapping[str, Any] = getattr(model, "model_fields", {})
    options = {keyword.arg: keyword.value for keyword in call.keywords}
    if not fields or not options.keys() <= LEAVING_OUT | SHAPING | HARMLESS:
        return False
    included, excluded = (_texts(options.get(name)) for name in ("include", "exclude"))
    if included is None or excluded is None or ("by_alias" in options and not _is(options["by_alias"], False)):
        return False
    names = [name for name in fields if (not included or name in included) and name not in excluded]
    found.names.extend(names)
    if any(name in LEAVING_OUT and not _is(value, False) for name, value in options.items()):
        none_only = options.keys() & LEAVING_OUT == {"exclude_none"}
        found.uncertain.extend(
            name for name in names if not fields[name].is_required() or (none_only and _may_be_none(fields[name]))
        )
    found.names.extend(getattr(model, "model_computed_fields", {}))
    return True


def _texts(node: ast.expr | None) -> frozenset[str] | None:
    """A set of names; empty when there is none, None when it cannot be read."""
    if node is None:
        return frozenset()
    if not isinstance(node, ast.Set):
        return None
    values = [text(each) for each in node.elts]
    return None if None in values else frozenset(filter(None, values))


def _is(node: ast.expr, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def _may_be_none(info: Any) -> bool:
    return plain(info.annotation) is not info.annotation
