"""Whether all that one JSON Schema accepts is accepted by another. Pure; JSON Schema 2020-12 as Pydantic writes it.

For payloads: messages written under the old schema wait in a queue while the new code is deployed. What cannot be shown
to be accepted counts as refused.
"""

import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

Schema = Mapping[str, Any]
Bound = tuple[float, bool]

ANNOTATIONS = frozenset({"title", "description", "default", "examples", "deprecated", "discriminator", "$defs"})
"""Keywords that refuse nothing."""
UNDERSTOOD = frozenset({
    "$ref", "anyOf", "oneOf", "enum", "const", "type", "format", "pattern", "minLength", "maxLength",
    "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    "items", "prefixItems", "minItems", "maxItems", "uniqueItems",
    "properties", "required", "additionalProperties", "minProperties", "maxProperties",
})  # fmt: skip
SIZES = (("minLength", "maxLength"), ("minItems", "maxItems"), ("minProperties", "maxProperties"))
SAME_OR_DROPPED = ("pattern", "format", "multipleOf", "uniqueItems")
TYPE_NAMES: Mapping[type, frozenset[str]] = {
    str: frozenset({"string"}),
    bool: frozenset({"boolean"}),
    int: frozenset({"integer", "number"}),
    float: frozenset({"number"}),
    type(None): frozenset({"null"}),
}


class Narrowing(NamedTuple):
    """Something that the old schema accepts and the new one may refuse. `path` is a JSON pointer into the message."""

    path: str
    reason: str


def narrowings(old: Schema, new: Schema) -> list[Narrowing]:
    """Every place where `new` refuses, or cannot be shown to accept, what `old` accepts. Empty: compatible."""
    return list(dict.fromkeys(_Comparison(old, new).compare(old, new, "")))


class _Comparison:
    """Two documents, each with its own $defs, and the pairs of definitions that are being compared."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self._old, self._new = old, new
        self._underway: set[tuple[int, int]] = set()

    def compare(self, old: Any, new: Any, path: str) -> Iterator[Narrowing]:
        old, new = _resolved(old, self._old), _resolved(new, self._new)
        if old is False or new is True:
            return
        if new is False:
            yield Narrowing(path, "no value is accepted")
            return
        pair = (id(old), id(new))
        if pair in self._underway:  # a recursive type: the outer comparison finds out what is assumed here
            return
        self._underway.add(pair)
        try:
            yield from self._alternatives({} if old is True else old, new, path)
        finally:
            self._underway.discard(pair)

    def _alternatives(self, old: Schema, new: Schema, path: str) -> Iterator[Narrowing]:
        if choices := _choices(old):
            for choice in choices:
                yield from self.compare(choice, new, path)
        elif (values := _values(old)) is not None:
            refused = [repr(value) for value in values if not self._fits(value, new)]
            if refused:
                yield Narrowing(path, f"{', '.join(refused)}: not accepted")
        elif choices := _choices(new):
            yield from min((list(self.compare(old, choice, path)) for choice in choices), key=len)
        elif (values := _values(new)) is not None:
            yield Narrowing(path, f"only {', '.join(map(repr, values))} accepted")
        else:
            yield from self._one_type(old, new, path)

    def _one_type(self, old: Schema, new: Schema, path: str) -> Iterator[Narrowing]:
        was, now = old.get("type"), new.get("type")
        if now is not None and was != now and (was, now) != ("integer", "number"):
            yield Narrowing(path, f"{now} expected, was {was or 'any value'}")
            return
        for keyword in sorted(set(new) - UNDERSTOOD - ANNOTATIONS):
            if old.get(keyword) != new[keyword]:
                yield Narrowing(path, f"{keyword!r} cannot be compared")
        yield from _bounds(old, new, path)
        yield from self._items(old, new, path)
        yield from self._properties(old, new, path)

    def _items(self, old: Schema, new: Schema, path: str) -> Iterator[Narrowing]:
        was, now = old.get("prefixItems", []), new.get("prefixItems", [])
        for position in range(max(len(was), len(now))):
            before = was[position] if position < len(was) else old.get("items", True)
            after = now[position] if position < len(now) else new.get("items", True)
            yield from self.compare(before, after, f"{path}/{position}")
        if "items" in new and old.get("maxItems", math.inf) > len(was):
            yield from self.compare(old.get("items", True), new["items"], f"{path}/*")

    def _properties(self, old: Schema, new: Schema, path: str) -> Iterator[Narrowing]:
        was, now = old.get("properties", {}), new.get("properties", {})
        others_were, others_are = old.get("additionalProperties", True), new.get("additionalProperties", True)
        for name in was:
            place = f"{path}/{_escaped(name)}"
            if name not in now and others_are is False:
                yield Narrowing(place, "the field is not accepted")
            else:
                yield from self.compare(was[name], now.get(name, others_are), place)
        for name in now:
            if name not in was:
                yield from self.compare(others_were, now[name], f"{path}/{_escaped(name)}")
        for name in sorted({*new.get("required", ())} - {*old.get("required", ())}):
            yield Narrowing(f"{path}/{_escaped(name)}", "the field is required")
        yield from self.compare(others_were, others_are, f"{path}/*")

    def _fits(self, value: Any, schema: Any) -> bool:
        """Whether one scalar is accepted; false for what takes more than a look."""
        schema = _resolved(schema, self._new)
        if isinstance(schema, bool):
            return schema
        if choices := _choices(schema):
            return any(self._fits(value, choice) for choice in choices)
        if (values := _values(schema)) is not None:
            return any(value == other and type(value) is type(other) for other in values)
        if type(value) not in TYPE_NAMES or schema.get("type") not in {None, *TYPE_NAMES[type(value)]}:
            return False
        itself: dict[str, Any] = {"minimum": value, "maximum": value} if isinstance(value, int | float) else {}
        if isinstance(value, str):
            itself = {"minLength": len(value), "maxLength": len(value)}
            if "pattern" in schema and re.search(schema["pattern"], value):
                itself["pattern"] = schema["pattern"]
        return not any(self._one_type({**itself, "type": schema.get("type")}, schema, ""))


def _bounds(old: Schema, new: Schema, path: str) -> Iterator[Narrowing]:
    for least, most in SIZES:
        if new.get(least, 0) > old.get(least, 0):
            yield Narrowing(path, f"{least} is {new[least]}, was {old.get(least, 'not set')}")
        if new.get(most, math.inf) < old.get(most, math.inf):
            yield Narrowing(path, f"{most} is {new[most]}, was {old.get(most, 'not set')}")
    if _lower(new) > _lower(old):
        yield Narrowing(path, f"the least value is {_lower(new)[0]:g}, was {_lower(old)[0]:g}")
    if _upper(new) < _upper(old):
        yield Narrowing(path, f"the greatest value is {_upper(new)[0]:g}, was {_upper(old)[0]:g}")
    for keyword in SAME_OR_DROPPED:
        if new.get(keyword) and new[keyword] != old.get(keyword):
            yield Narrowing(path, f"{keyword} {new[keyword]} is demanded, was {old.get(keyword, 'not set')}")


def _lower(schema: Schema) -> Bound:
    """The greatest lower bound, and whether it is itself refused; the larger of two such pairs is the narrower."""
    return max((schema.get("minimum", -math.inf), False), (schema.get("exclusiveMinimum", -math.inf), True))


def _upper(schema: Schema) -> Bound:
    """The least upper bound, and whether it is itself accepted; the smaller of two such pairs is the narrower."""
    return min((schema.get("maximum", math.inf), True), (schema.get("exclusiveMaximum", math.inf), False))


def _choices(schema: Schema) -> list[Any] | None:
    return schema.get("anyOf") or schema.get("oneOf")


def _values(schema: Schema) -> list[Any] | None:
    return [schema["const"]] if "const" in schema else schema.get("enum")


def _resolved(schema: Any, root: Schema) -> Any:
    """What a `$ref` into `$defs` stands for; True for the schema that demands nothing."""
    while isinstance(schema, Mapping) and "$ref" in schema:
        schema = root["$defs"][schema["$ref"].rpartition("/")[2]]
    return True if isinstance(schema, Mapping) and not set(schema) - ANNOTATIONS else schema


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
