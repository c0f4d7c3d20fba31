"""A template's data as YAML that people read: one way to write everything, so that the same data is the same text.

Strings are plain where YAML 1.1 reads them as strings, else JSON strings, which are YAML too.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

PLAIN = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _./()-]*[A-Za-z0-9_./()-])?(?::[A-Za-z0-9:_./-]+)*")
PLAIN_IN_FLOW = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none"})
"""What YAML 1.1 reads as something else."""
MAX_LINE_CHARACTERS = 100


def yaml_text(data: Any) -> str:
    """Mappings keep their order. Takes what JSON can say."""
    return "\n".join(_lines(data, 0)) + "\n"


def _lines(data: Any, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(data, dict):
        for key, value in data.items():
            if _is_short(value):
                yield f"{indent}{_scalar(key)}: {_short(value)}"
            else:
                yield f"{indent}{_scalar(key)}:"
                yield from _lines(value, depth + 1)
    else:
        for value in data:
            if _is_short(value):
                yield f"{indent}- {_short(value)}"
                continue
            first, *rest = _lines(value, depth + 1)
            yield f"{indent}- {first.lstrip()}"
            yield from rest


def _is_short(value: Any) -> bool:
    """Whether it fits on one line: a scalar, something empty, a list of scalars, or one intrinsic function."""
    if not isinstance(value, dict | list) or not value:
        return True
    if isinstance(value, list):
        inner = all(not isinstance(each, dict | list) for each in value)
    else:
        [(key, only), *more] = value.items()
        inner = not more and (key == "Ref" or key.startswith("Fn::") or key == "Condition") and _is_short(only)
    return inner and len(_flow(value)) <= MAX_LINE_CHARACTERS


def _short(value: Any) -> str:
    return _flow(value) if isinstance(value, dict | list) else _scalar(value)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(key, PLAIN_IN_FLOW)}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return _scalar(value, PLAIN_IN_FLOW)


def _scalar(value: Any, plain: re.Pattern[str] = PLAIN) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if plain.fullmatch(value) is not None and value.lower() not in WORDS:
        return value
    return json.dumps(value, ensure_ascii=False)
