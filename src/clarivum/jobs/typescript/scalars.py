"""Values without parts, as TypeScript types and as calls of `wire.ts`. Pure."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from enum import Enum
from typing import Any

from clarivum.jobs.payload import MAX_EXACT_INTEGER
from clarivum.jobs.typescript.patterns import PatternError, javascript

Node = Mapping[str, Any]
BOUNDS = ("ge", "gt", "le", "lt")
IGNORED = frozenset({"type", "metadata", "ref", "serialization", "strict"})


class UntranslatableError(ValueError):
    """A field whose verdict in TypeScript could differ. `path`: a JSON pointer from the payload; `reason`: a clause."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path or '/'}: {reason}")
        self.path, self.reason = path, reason


def _only(node: Node, path: str, *understood: str) -> None:
    """Refuse a rule that nobody translates, and a field that accepts other forms than its own."""
    if node.get("strict") is False:
        raise UntranslatableError(path, "it is lax (strict=False): other forms than its own would be accepted")
    unknown = [name for name, value in node.items() if name not in {*understood, *IGNORED} and value is not None]
    if unknown:
        raise UntranslatableError(path, f"{', '.join(unknown)} of a {node['type']} is not translated")


def arguments(rules: Mapping[str, Any]) -> str:
    """`{ min: 1 }`; nothing when there is no rule."""
    given = ", ".join(_written(rules))
    return f"{{ {given} }}" if given else ""


def _written(rules: Mapping[str, Any]) -> Iterator[str]:
    for name, value in rules.items():
        if value is not None and value is not False:
            yield f"{name}: {value if name == 'pattern' else json.dumps(value)}"


def _text(node: Node, path: str) -> tuple[str, str]:
    understood = ("min_length", "max_length", "pattern", "strip_whitespace", "to_lower", "to_upper", "regex_engine")
    _only(node, path, *understood)
    rules: dict[str, Any] = {
        "min": node.get("min_length"),
        "max": node.get("max_length"),
        "pattern": _pattern(node, path),
        "strip": node.get("strip_whitespace"),
        "letters": "lower" if node.get("to_lower") else "upper" if node.get("to_upper") else None,
    }
    return "string", f"text({arguments(rules)})"


def _pattern(node: Node, path: str) -> str | None:
    pattern = node.get("pattern")
    if pattern is None:
        return None
    if not isinstance(pattern, str) or node.get("regex_engine", "rust-regex") != "rust-regex":
        raise UntranslatableError(path, "its pattern is for Python's own regular expressions: give it as str")
    try:
        return f'new RegExp({json.dumps(javascript(pattern))}, "u")'
    except PatternError as error:
        raise UntranslatableError(path, f"its pattern {pattern!r} cannot be translated: {error}") from None


def _number(function: str) -> Callable[[Node, str], tuple[str, str]]:
    def write(node: Node, path: str) -> tuple[str, str]:
        _only(node, path, *BOUNDS, "multiple_of", "allow_inf_nan")
        if node.get("allow_inf_nan"):
            raise UntranslatableError(path, "JSON has no infinite numbers")
        if node["type"] == "float" and node.get("multiple_of") is not None:
            raise UntranslatableError(path, "multiples of a float are judged with a tolerance: count smaller units")
        rules = {**{name: node.get(name) for name in BOUNDS}, "multipleOf": node.get("multiple_of")}
        for name, value in rules.items():
            if value is not None and (not math.isfinite(value) or abs(value) > MAX_EXACT_INTEGER):
                raise UntranslatableError(path, f"its {name} is beyond 2^53")
        return "number", f"{function}({arguments(rules)})"

    return write


def _plain(written: str, call: str, *understood: str) -> Callable[[Node, str], tuple[str, str]]:
    def write(node: Node, path: str) -> tuple[str, str]:
        _only(node, path, *understood)
        return written, call

    return write


def _uuid(node: Node, path: str) -> tuple[str, str]:
    _only(node, path, "version")
    return "string", f"uuid({node.get('version') or ''})"


def _moment(node: Node, path: str) -> tuple[str, str]:
    _only(node, path, "tz_constraint", "microseconds_precision")
    if node.get("tz_constraint") not in {None, "aware"}:
        raise UntranslatableError(path, "a payload holds moments with a UTC offset: use AwareDatetime")
    return "string", "moment()"


def _literal(node: Node, path: str) -> tuple[str, str]:
    return _one_of(list(node["expected"]), path)


def _enum(node: Node, path: str) -> tuple[str, str]:
    if node["cls"]._missing_.__func__ is not Enum._missing_.__func__:  # type: ignore[attr-defined]
        raise UntranslatableError(path, "an enum with _missing_ accepts more than its values")
    return _one_of([member.value for member in node["members"]], path)


def _one_of(values: list[Any], path: str) -> tuple[str, str]:
    plain = [value.value if isinstance(value, Enum) else value for value in values]
    for value in plain:
        if not (value is None or type(value) in {str, int, bool}):
            raise UntranslatableError(path, f"{value!r} is no text, whole number or boolean")
    if len({repr(value) for value in plain}) < len({(type(value), value) for value in plain}):
        raise UntranslatableError(path, "two of its values are written alike")
    written = [json.dumps(value) for value in plain]
    return " | ".join(written), f"oneOf([{', '.join(written)}])"


SCALARS: Mapping[str, Callable[[Node, str], tuple[str, str]]] = {
    "str": _text,
    "int": _number("whole"),
    "float": _number("real"),
    "bool": _plain("boolean", "z.boolean()"),
    "none": _plain("null", "z.null()"),
    "any": _plain("Json", "json()"),
    "uuid": _uuid,
    "datetime": _moment,
    "date": _plain("string", "date()"),
    "time": _plain("string", "time()", "microseconds_precision"),
    "timedelta": _plain("string", "duration()", "microseconds_precision"),
    "decimal": _plain("string | number", "decimal()", "allow_inf_nan"),
    "literal": _literal,
    "enum": _enum,
}
"""By the type of the core schema: the TypeScript type, and the Zod schema."""
